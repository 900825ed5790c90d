"""Single events that are sent once more, waits that are cut short, and the clock of a sandbox."""

import json
from typing import Any, Final

import pytest
from standardwebhooks import Webhook

from services.compliance.settings import ComplianceSettings
from tests.databases import Database
from tests.webhooks.calling import NOW, Caller, calling, seed_events, settings_for
from tests.webhooks.dispatching import dispatching, received, until, until_delivered
from tests.webhooks.receiver import Receiver, reply

PROBLEM: Final = "urn:sagecert:problem:"


@pytest.fixture
async def head(caller: Caller) -> int:
    """The end of a log of compliance events."""
    return await seed_events(caller.database)


async def event_at(caller: Caller, position: int) -> dict[str, Any]:
    """The event as the feed has it."""
    (event,) = (await caller.http.get("events", params={"after": position - 1, "limit": 1})).json()
    found: dict[str, Any] = event
    return found


@pytest.mark.parametrize("batch_max", [1, 5])
async def test_an_event_is_sent_once_more_under_its_id_and_moves_nothing(
    caller: Caller, receiver: Receiver, head: int, batch_max: int
) -> None:
    registered = await caller.register(receiver.url(), start={"position": 9}, batch_max=batch_max)
    path, event = f"/{registered['endpoint_id']}", await event_at(caller, 4)
    await caller.call("PATCH", path, status=200, body={"state": "paused"})
    before = await caller.health(path[1:])
    receiver.script(reply(500, b"no"))
    sent = [await caller.call("POST", f"{path}/resends", status=200, body={"event_id": event["id"]}) for _ in range(2)]
    assert [(one["delivered"], one["status"], one["reply"]) for one in sent] == [(False, 500, "no"), (True, 204, "")]
    assert received(receiver.requests) == [{**event, "resend": True}] * 2
    for request in receiver.requests:
        Webhook(registered["secret"]).verify(request.body.decode(), dict(request.headers))
        assert request.headers["webhook-id"] == event["id"]
        assert isinstance(json.loads(request.body), list) == (batch_max > 1)
    logged = (await caller.call("GET", f"{path}/attempts", status=200))["attempts"]
    assert [(one["kind"], one["message_id"], one["status"]) for one in logged] == [
        ("resend", event["id"], 204),
        ("resend", event["id"], 500),
    ]
    assert await caller.health(path[1:]) == before


async def test_an_event_that_was_not_told_is_not_sent_once_more(caller: Caller, receiver: Receiver, head: int) -> None:
    told = [await event_at(caller, position) for position in range(2, head + 1)]
    other = next(event for event in told if event["subject"] != told[0]["subject"])
    events = (told[0], other, told[-1])
    mine = {"partner_ids": [events[0]["subject"]], "types": [events[0]["type"]]}
    endpoint_id = (await caller.register(receiver.url(), start={"position": head - 1}, filter=mine))["endpoint_id"]
    ids = (*(event["id"] for event in events[1:]), "f" * 32, "../../etc/passwd")
    for event_id, status, name in zip(
        ids,
        (409, 409, 404, 422),
        ("not-resendable", "not-resendable", "no-such-event", "malformed-request"),
        strict=True,
    ):
        problem = await caller.refused("POST", f"/{endpoint_id}/resends", status=status, body={"event_id": event_id})
        assert (problem["type"], problem["parameter"]) == (f"{PROBLEM}{name}", "event_id")
    park = "INSERT INTO webhooks.parked_message VALUES (%s, 1, 2, 2, %s, now(), false)"
    caller.sql(park, endpoint_id, events[0]["subject"])
    resend = {"event_id": events[0]["id"]}
    assert "parked" in (await caller.refused("POST", f"/{endpoint_id}/resends", status=409, body=resend))["detail"]
    caller.sql("DELETE FROM webhooks.parked_message")
    assert receiver.requests == []
    await caller.call("POST", f"/{endpoint_id}/resends", status=200, body=resend)


async def test_an_event_about_history_is_sent_once_more_only_to_who_wants_it(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    loaded = "a" * 32
    caller.sql(
        "INSERT INTO compliance.compliance_event SELECT %s, %s, type, partner_id, products, effective_at, recorded_at,"
        " fact_position, about,"
        " convert_to(regexp_replace(convert_from(data, 'UTF8'), '}$', ',\"history\":true}'), 'UTF8')"
        " FROM compliance.compliance_event WHERE position = %s",
        *(head + 1, loaded, head),
    )
    caller.sql("UPDATE compliance.progress SET event_position = %s", head + 1)
    start, resend = {"position": head + 1}, {"event_id": loaded}
    without = await caller.register(receiver.url(), start=start, filter={"history": False})
    problem = await caller.refused("POST", f"/{without['endpoint_id']}/resends", status=409, body=resend)
    assert "filter" in problem["detail"]
    whole = await caller.register(receiver.url(), start=start)
    await caller.call("POST", f"/{whole['endpoint_id']}/resends", status=200, body=resend)
    assert len(receiver.requests) == 1


async def test_a_retry_cuts_the_wait_short(caller: Caller, receiver: Receiver, head: int) -> None:
    """The receiver asks for an hour; its owner for now."""
    endpoint_id = (await caller.register(receiver.url(), start="origin"))["endpoint_id"]
    receiver.script(reply(503, retry_after="3600"))

    async def waits() -> bool:
        return (await caller.health(endpoint_id))["next_attempt_at"] is not None

    async with dispatching(caller.database):
        await until(waits)
        retried = await caller.call("POST", f"/{endpoint_id}/retries", status=202)
        assert (retried["health"]["failures"], retried["health"]["next_attempt_at"]) == (1, None)
        await until_delivered(caller, endpoint_id)
    sent = received(receiver.requests)
    assert sent[0] == sent[1]
    assert len(sent) == head + 1


async def test_what_is_paused_is_not_tried(caller: Caller) -> None:
    endpoint_id = (await caller.register())["endpoint_id"]
    await caller.call("PATCH", f"/{endpoint_id}", status=200, body={"state": "paused"})
    problem = await caller.refused("POST", f"/{endpoint_id}/retries", status=409)
    assert problem["type"] == f"{PROBLEM}not-active"


async def test_a_sandbox_sends_to_loopback_and_stamps_with_its_clock(
    sandbox_database: Database, receiver: Receiver
) -> None:
    settings = settings_for(sandbox_database, wall_clock=False).model_copy(update={"webhook_networks": ()})
    await seed_events(sandbox_database, partners=1)
    async with calling(sandbox_database, settings) as caller, dispatching(sandbox_database, settings=settings):
        endpoint_id = (await caller.register(receiver.url(), start="origin"))["endpoint_id"]
        await until_delivered(caller, endpoint_id)
        await caller.call("POST", f"/{endpoint_id}/tests", status=200)
    assert len(receiver.requests) > 1
    assert {int(request.headers["webhook-timestamp"]) for request in receiver.requests} == {int(NOW.timestamp())}


def test_loopback_is_open_in_a_sandbox_only(database: Database) -> None:
    def open_networks(*, sandbox: bool) -> ComplianceSettings:
        return settings_for(database, sandbox=sandbox).model_copy(update={"webhook_networks": ()})

    assert [str(network) for network in open_networks(sandbox=True).receiver_networks] == ["127.0.0.0/8", "::1/128"]
    assert open_networks(sandbox=False).receiver_networks == ()
