"""Test messages and dry runs: what owners see before anything depends on it."""

import asyncio
import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook

from shared.events.compliance_events import TYPE_OF
from tests.webhooks.calling import Caller, seed_events
from tests.webhooks.receiver import Receiver, Request, once, redirect, reply, reset_before_reply


@pytest.fixture
async def head(caller: Caller) -> int:
    """The end of a log of compliance events."""
    return await seed_events(caller.database)


def verified(secret: str, request: Request) -> Any:
    """The message, as the public library takes it."""
    return Webhook(secret).verify(request.body.decode(), dict(request.headers))


async def test_a_test_message_is_signed_and_logged_and_moves_nothing(caller: Caller, receiver: Receiver) -> None:
    registered = await caller.register(receiver.url())
    path = f"/{registered['endpoint_id']}"
    receiver.script(reply(200, b"\xffthanks"), reply(500, b"no"), reset_before_reply, redirect(302, ""))
    before = await caller.health(registered["endpoint_id"])
    tried = [await caller.call("POST", f"{path}/tests", status=200) for _ in range(4)]
    assert [(one["delivered"], one["status"], one["reply"]) for one in tried] == [
        (True, 200, "\ufffdthanks"),
        (False, 500, "no"),
        (False, None, ""),
        (False, 302, ""),
    ]
    assert tried[2]["error"]
    assert "redirect" in tried[3]["error"]
    for request in receiver.requests:
        message = verified(registered["secret"], request)
        assert message["type"] == "com.sage.partnercloud.webhook-test.v1"
        assert message["data"] == {"endpoint_id": registered["endpoint_id"]}
        assert request.headers["content-type"] == "application/cloudevents+json"
    page = await caller.call("GET", f"{path}/attempts", status=200)
    kept = page["attempts"][::-1]
    logged = [(one["number"], one["kind"], one["status"], one["reply"], one["sequence"]) for one in kept]
    assert logged == [(n, "test", one["status"], one["reply"], None) for n, one in enumerate(tried, 1)]
    assert [one["message_id"] for one in kept] == [one.headers["webhook-id"] for one in receiver.requests]
    assert await caller.health(registered["endpoint_id"]) == before


@pytest.mark.parametrize("state", ["paused", "disabled"])
async def test_an_endpoint_that_is_told_nothing_can_be_tried_out(
    caller: Caller, receiver: Receiver, state: str
) -> None:
    endpoint_id = (await caller.register(receiver.url()))["endpoint_id"]
    why = None if state == "paused" else "gone"
    caller.sql("UPDATE webhooks.endpoint SET state = %s, disabled_because = %s", state, why)
    assert (await caller.call("POST", f"/{endpoint_id}/tests", status=200))["delivered"]
    assert (await caller.call("GET", f"/{endpoint_id}", status=200))["state"] == state


async def test_every_secret_that_is_alive_signs(caller: Caller, receiver: Receiver) -> None:
    registered = await caller.register(receiver.url(), ed25519=True, batch_max=2)
    path = f"/{registered['endpoint_id']}"
    rotated = [await caller.call("POST", f"{path}/secret-rotations", status=201) for _ in range(2)]
    await caller.call("POST", f"{path}/tests", status=200)
    (request,) = receiver.requests
    assert request.headers["content-type"] == "application/cloudevents-batch+json"
    for secret in (registered["secret"], *(one["secret"] for one in rotated)):
        (message,) = verified(secret, request)
        assert message["id"] == request.headers["webhook-id"]
    signatures = [one.split(",") for one in request.headers["webhook-signature"].split(" ")]
    keyed = [base64.b64decode(signature) for scheme, signature in signatures if scheme == "v1a"]
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    newest_first = [*(one["public_key"] for one in reversed(rotated)), registered["public_key"]]
    for key, signature in zip(newest_first, keyed, strict=True):
        public = base64.b64decode(key.removeprefix("whpk_"))
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)


async def test_no_connection_is_held_while_a_test_is_under_way(caller: Caller, receiver: Receiver) -> None:
    """More tests at once than there are connections, none answered, and the service still answers."""
    endpoint_id = (await caller.register(receiver.url()))["endpoint_id"]
    answering = asyncio.Event()
    receiver.answer = once(answering, reply(204))
    tests = [asyncio.create_task(caller.call("POST", f"/{endpoint_id}/tests", status=200)) for _ in range(15)]
    await receiver.came(15)
    await caller.call("GET", f"/{endpoint_id}", status=200)
    await caller.call("DELETE", f"/{endpoint_id}", status=204)
    answering.set()
    assert [one["delivered"] for one in await asyncio.gather(*tests)] == [True] * 15
    assert caller.sql("SELECT FROM webhooks.attempt") == []


async def run_dry(caller: Caller, endpoint_id: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await caller.call("POST", f"/{endpoint_id}/dry-runs", status=200, body=body or None)
    return answer


async def test_a_dry_run_shows_what_a_replay_would_send(caller: Caller, head: int) -> None:
    registered = await caller.register(start={"position": 9})
    shown = await run_dry(caller, registered["endpoint_id"], **{"from": {"position": 4}, "limit": 1000})
    assert [(one["position"], one["epoch"], one["sequence"]) for one in shown["messages"]] == [
        (position, 2, position - 4) for position in range(5, head + 1)
    ]
    assert [one["position"] for one in shown["messages"] if one.get("replay")] == [5, 6, 7, 8, 9]
    assert (shown["position"], shown["next"]) == (head, None)
    feed = (await caller.http.get("events", params={"after": 4, "limit": 1000})).json()
    added = {"epoch", "sequence", "replay"}
    assert [{name: value for name, value in one.items() if name not in added} for one in shown["messages"]] == feed
    assert (await caller.health(registered["endpoint_id"]))["epoch"] == 1


async def test_a_dry_run_goes_page_by_page_through_the_filter(caller: Caller, head: int) -> None:
    filtered = {"types": ["minimum-reached", "replacement-window-opened"], "partner_ids": ["P1", "P3"]}
    endpoint_id = (await caller.register(filter=filtered, start="origin"))["endpoint_id"]
    expected = caller.sql(
        "SELECT position FROM compliance.compliance_event WHERE type = ANY (%s) AND partner_id = ANY (%s) ORDER BY 1",
        [TYPE_OF["minimum-reached"], TYPE_OF["replacement-window-opened"]],
        ["P1", "P3"],
    )
    assert len(expected) == 4
    found: list[tuple[int]] = []
    following: int | None = 0
    while following is not None:
        page = await run_dry(caller, endpoint_id, **{"from": {"position": following}, "limit": 3})
        found += [(one["position"],) for one in page["messages"]]
        following = page["next"]
    assert found == expected


async def test_without_a_place_a_dry_run_shows_what_comes_next(caller: Caller, head: int) -> None:
    """Released messages first, with the numbers that they had; those of a partner that is held are left out."""
    endpoint_id = (await caller.register(start={"position": 6}))["endpoint_id"]
    events = dict(caller.sql("SELECT position, partner_id FROM compliance.compliance_event"))
    caller.sql("UPDATE webhooks.endpoint SET sequence = 6, delivered_sequence = 5, replay_through = 2")
    for position, released in ((2, True), (6, False)):
        caller.sql(
            "INSERT INTO webhooks.parked_message VALUES (%s, 1, %s, %s, %s, now(), %s)",
            *(endpoint_id, position, position, events[position], released),
        )
    shown = await run_dry(caller, endpoint_id)
    sent = [position for position in range(7, head + 1) if events[position] != events[6]]
    assert [(one["epoch"], one["sequence"]) for one in shown["messages"]] == [(1, position) for position in [2, *sent]]
    assert (shown["messages"][0]["replay"], shown["messages"][1]["parked"]) == (True, _between(5, sent[0]))
    limited = await run_dry(caller, endpoint_id, limit=1)
    assert (len(limited["messages"]), limited["position"], limited["next"]) == (1, 6, 6)


async def test_a_dry_run_on_an_empty_log(caller: Caller) -> None:
    endpoint_id = (await caller.register())["endpoint_id"]
    for body in ({}, {"from": "origin"}):
        assert await run_dry(caller, endpoint_id, **body) == {"messages": [], "position": 0, "next": None}
    problem = await caller.refused("POST", f"/{endpoint_id}/dry-runs", body={"from": {"position": 1}})
    assert problem["parameter"] == "from.position"


def _between(delivered: int, following: int) -> str:
    """The numbers that are kept back between two messages."""
    first, last = delivered + 1, following - 1
    return str(first) if first == last else f"{first}-{last}"
