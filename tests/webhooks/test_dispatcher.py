"""What an endpoint is told: everything that passes its filter, in order, once, numbered without gaps."""

import json
from functools import partial

import pytest

from tests.databases import Database
from tests.webhooks.calling import Caller, seed_events
from tests.webhooks.dispatching import counts, dispatching, numbers, received, until, until_delivered
from tests.webhooks.receiver import Receiver, reply, silence


@pytest.fixture
async def head(sandbox_database: Database) -> int:
    return await seed_events(sandbox_database)


async def test_everything_is_told_in_order_and_numbered(caller: Caller, receiver: Receiver, head: int) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    messages = received(receiver.requests)
    assert numbers(messages) == [(1, position, position) for position in range(1, head + 1)]


async def test_only_what_passes_the_filter_and_the_cursor_passes_by_the_rest(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    filtered = {"partner_ids": ["P1", "P3"], "types": ["standing-changed", "minimum-reached"]}
    endpoint = await caller.register(receiver.url(), start="origin", filter=filtered)
    wanted = caller.sql(
        "SELECT position FROM compliance.compliance_event WHERE partner_id IN ('P1', 'P3')"
        " AND type ~ '(standing-changed|minimum-reached)' ORDER BY 1"
    )
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    messages = received(receiver.requests)
    assert 0 < len(wanted) < head
    assert numbers(messages) == [(1, number, position) for number, (position,) in enumerate(wanted, 1)]


async def test_a_filter_that_matches_nothing_comes_to_the_end_of_a_long_log(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    more_events(caller, 12_000)
    endpoint = await caller.register(receiver.url(), start="origin", filter={"partner_ids": ["Nobody"]})
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    assert receiver.requests == []


async def test_paused_and_active_again_loses_nothing(caller: Caller, receiver: Receiver, head: int) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    path = f"/{endpoint['endpoint_id']}"
    async with dispatching(caller.database):
        await receiver.came(3)
        await caller.call("PATCH", path, status=200, body={"state": "paused"})
        await receiver.came(len(receiver.requests))
        await caller.call("PATCH", path, status=200, body={"state": "active"})
        await until_delivered(caller, path[1:])
    assert numbers(received(receiver.requests)) == [(1, position, position) for position in range(1, head + 1)]


async def test_who_is_gone_is_disabled_and_later_told_what_happened_meanwhile(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    endpoint = await caller.register(receiver.url(), batch_max=100)
    path = f"/{endpoint['endpoint_id']}"
    receiver.script(reply(410))
    async with dispatching(caller.database):
        more_events(caller, 10)
        await until(lambda: is_in(caller, path, "disabled"))
        more_events(caller, 9_990)
        await caller.call("PATCH", path, status=200, body={"state": "active"})
        await until_delivered(caller, path[1:])
    messages = received(receiver.requests[1:])
    assert numbers(messages) == [(1, number, head + number) for number in range(1, 10_001)]


async def test_batches_are_in_order_and_after_a_failure_the_first_goes_alone(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    endpoint = await caller.register(receiver.url(), start="origin", batch_max=4)
    receiver.script(reply(204), reply(503, retry_after="0"), reply(204))
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    sizes = [len(json.loads(request.body)) for request in receiver.requests]
    assert sizes[:4] == [4, 4, 1, 4]
    del receiver.requests[1]
    assert numbers(received(receiver.requests)) == [(1, position, position) for position in range(1, head + 1)]
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(set(ids)) == len(ids)


async def test_a_replay_tells_the_same_once_more_and_goes_on_with_what_comes(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    path = f"/{endpoint['endpoint_id']}"
    async with dispatching(caller.database):
        await until_delivered(caller, path[1:])
        await caller.call("POST", f"{path}/replays", status=202, body={"from": "origin"})
        more_events(caller, 20)
        await receiver.came(2 * head + 20)
    messages = received(receiver.requests)
    live, again = messages[:head], messages[head:]
    assert numbers(again) == [(2, position, position) for position in range(1, head + 21)]
    assert [message.get("replay", False) for message in again] == [True] * head + [False] * 20
    own = {"epoch", "sequence", "replay"}
    for first, second in zip(live, again[:head], strict=True):
        assert {k: v for k, v in first.items() if k not in own} == {k: v for k, v in second.items() if k not in own}


async def test_what_one_endpoint_alone_rejects_for_a_day_is_parked_until_it_is_released(
    caller: Caller, receiver: Receiver, head: int, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = more_events(caller, 3, "Bad")[-3:]
    endpoint = await caller.register(receiver.url(), start={"position": head})
    path = f"/{endpoint['endpoint_id']}"
    receiver.script(reply(422))
    async with dispatching(caller.database):
        await receiver.came(1)
        await until(lambda: has_health(caller, path, failures=1))
        caller.sql("UPDATE webhooks.endpoint SET rejecting_since = now() - interval '24 hours'")
        receiver.script(reply(422))
        hurry(caller)
        (fourth,) = more_events(caller, 1, "Good")
        await until_delivered(caller, path[1:])
        messages = received(receiver.requests)
        assert numbers(messages) == [(1, 1, first), (1, 1, first), (1, 4, fourth)]
        assert messages[-1]["parked"] == "1-3"
        assert f"rejects the event at position {first}" in caplog.text
        (fifth,) = more_events(caller, 1, "Good")
        await caller.call("POST", f"{path}/releases", status=202)
        await receiver.came(7)
        await until_delivered(caller, path[1:])
        (sixth,) = more_events(caller, 1, "Bad")
        await receiver.came(8)
    late = [(1, 1, first), (1, 2, second), (1, 3, third), (1, 5, fifth), (1, 6, sixth)]
    assert sorted(numbers(received(receiver.requests[3:]))) == sorted(late)
    assert [number for number in numbers(received(receiver.requests[3:])) if number != (1, 5, fifth)] == late[
        :3
    ] + late[4:]
    assert "parked" not in received(receiver.requests)[-1]
    assert caller.sql("SELECT sequence FROM webhooks.parked_message") == []


async def test_after_what_was_released_its_partner_is_told_as_ever(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    endpoint = await caller.register(receiver.url())
    more_events(caller, 3, "Bad")
    caller.sql("INSERT INTO webhooks.parked_message VALUES (%s, 1, 1, %s, 'Bad')", endpoint["endpoint_id"], head + 1)
    caller.sql("UPDATE webhooks.parked_message SET released = true")
    caller.sql("UPDATE webhooks.endpoint SET sequence = 1, position = position + 1")
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    assert numbers(received(receiver.requests)) == [(1, number, head + number) for number in (1, 2, 3)]


async def test_what_is_released_and_rejected_again_is_parked_again_and_holds_up_nobody(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    endpoint = await caller.register(receiver.url())
    path = f"/{endpoint['endpoint_id']}"
    more_events(caller, 2, "Bad")
    parked = "INSERT INTO webhooks.parked_message VALUES (%s, 1, %s, %s, 'Bad', now(), true)"
    for number in (1, 2):
        caller.sql(parked, path[1:], number, head + number)
    caller.sql("UPDATE webhooks.endpoint SET sequence = 2, position = position + 2")
    receiver.script(reply(400))
    more_events(caller, 1, "Good")
    async with dispatching(caller.database):
        await until_delivered(caller, path[1:])
    assert numbers(received(receiver.requests)) == [(1, 1, head + 1), (1, 3, head + 3)]
    assert caller.sql("SELECT sequence, released FROM webhooks.parked_message ORDER BY 1") == [(1, False), (2, False)]


async def test_a_message_that_others_reject_too_is_not_parked(caller: Caller, receiver: Receiver, head: int) -> None:
    for _ in range(2):
        await caller.register(receiver.url(), start={"position": head - 1})
    receiver.answer = reply(400)
    async with dispatching(caller.database):
        await receiver.came(2)
        await until(lambda: counts(caller, "SELECT count(*) FROM webhooks.endpoint WHERE failures = 1", 2))
        caller.sql("UPDATE webhooks.endpoint SET rejecting_since = now() - interval '25 hours'")
        hurry(caller)
        await until(lambda: counts(caller, "SELECT count(*) FROM webhooks.endpoint WHERE failures = 2", 2))
    assert caller.sql("SELECT sequence FROM webhooks.parked_message") == []


async def test_who_took_a_message_and_rejects_the_next_keeps_nobody_from_parking_it(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    async with Receiver() as other:
        more_events(caller, 1, "First")
        other.script(reply(204), reply(400))
        await caller.register(other.url(), start={"position": head})
        endpoint = await caller.register(receiver.url(), start={"position": head}, filter={"partner_ids": ["First"]})
        receiver.script(reply(400), reply(400))
        async with dispatching(caller.database):
            await until(lambda: counts(caller, "SELECT sum(attempts) FROM webhooks.endpoint", 2))
            more_events(caller, 1, "Second")
            await until(lambda: counts(caller, "SELECT count(*) FROM webhooks.endpoint WHERE failures = 1", 2))
            caller.sql(
                "UPDATE webhooks.endpoint SET rejecting_since = now() - interval '25 hours', next_attempt_at = now()"
                " WHERE endpoint_id = %s",
                endpoint["endpoint_id"],
            )
            await until_delivered(caller, endpoint["endpoint_id"])
    assert caller.sql("SELECT partner_id FROM webhooks.parked_message") == [("First",)]


async def test_who_hears_nothing_is_sent_a_heartbeat_with_the_last_number(
    caller: Caller, receiver: Receiver, head: int
) -> None:
    endpoint = await caller.register(receiver.url(), start={"position": head - 2}, heartbeat_seconds=10)
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
        caller.sql("UPDATE webhooks.endpoint SET last_attempt_at = now() - interval '11 seconds'")
        await receiver.came(3)
        await until(lambda: counts(caller, "SELECT attempts FROM webhooks.endpoint", 3))
    heartbeat = received(receiver.requests)[2]
    assert heartbeat["type"].endswith(".heartbeat.v1")
    wanted = {"endpoint_id": endpoint["endpoint_id"], "epoch": 1, "sequence": 2, "position": head}
    assert heartbeat["data"] == wanted
    assert "sequence" not in heartbeat


async def test_a_silent_endpoint_does_not_hold_up_the_others(caller: Caller, head: int) -> None:
    async with Receiver(silence) as silent, Receiver() as receiver:
        for _ in range(30):
            await caller.register(silent.url(), start="origin")
        healthy = [await caller.register(receiver.url(), start="origin") for _ in range(5)]
        async with dispatching(caller.database, deadline_seconds=2.0):
            await silent.came(30)
            for endpoint in healthy:
                await until_delivered(caller, endpoint["endpoint_id"])
    assert len(receiver.requests) == 5 * head
    assert caller.sql("SELECT sum(position) FROM webhooks.endpoint WHERE url <> %s", receiver.url()) == [(0,)]


async def test_the_latest_thousand_attempts_are_kept(caller: Caller, receiver: Receiver, head: int) -> None:
    endpoint = await caller.register(receiver.url())
    more_events(caller, 1100)
    async with dispatching(caller.database):
        await until_delivered(caller, endpoint["endpoint_id"])
    ((latest, kept),) = caller.sql("SELECT max(number), count(*) FROM webhooks.attempt")
    assert latest == 1100
    assert 1000 <= kept <= 1050, "old ones go fifty at a time"


async def test_the_log_tells_without_the_query_string(
    caller: Caller, receiver: Receiver, head: int, caplog: pytest.LogCaptureFixture
) -> None:
    await caller.register(receiver.url("/hooks?token=hush"), start="origin")
    receiver.answer = reply(500)

    async def disabled_is_told() -> bool:  # which happens after it was recorded
        return "disabled" in caplog.text

    async with dispatching(caller.database):
        await until(lambda: counts(caller, "SELECT failures FROM webhooks.endpoint", 1))
        for hours, failures in ((1, 2), (2, 3), (24, 4), (120, 5)):
            caller.sql("UPDATE webhooks.endpoint SET failing_since = now() - interval '1 hour' * %s", hours)
            hurry(caller)
            await until(partial(counts, caller, "SELECT failures FROM webhooks.endpoint", failures))
        await until(disabled_is_told)
    lines = [record.message for record in caplog.records if "webhook endpoint" in record.message]
    assert [words in line for words, line in zip(("for 1 h", "for 24 h", "disabled"), lines, strict=True)] == [True] * 3
    assert "hush" not in caplog.text


@pytest.mark.parametrize(("untried_hours", "state"), [(1, "disabled"), (3, "active")])
async def test_time_in_which_nothing_was_tried_is_no_failing(
    caller: Caller, receiver: Receiver, head: int, untried_hours: int, state: str
) -> None:
    """Five days without a dispatcher, say: the first failure after them is the first."""
    path = "/" + (await caller.register(receiver.url(), start="origin"))["endpoint_id"]
    caller.sql(
        "UPDATE webhooks.endpoint SET failing_since = now() - interval '121 hours', failures = 3,"
        " last_attempt_at = now() - interval '1 hour' * %s",
        untried_hours,
    )
    receiver.answer = reply(500)
    async with dispatching(caller.database):
        await until(partial(counts, caller, "SELECT failures FROM webhooks.endpoint", 4))
    assert await is_in(caller, path, state)


def more_events(caller: Caller, count: int, partner_id: str = "P1") -> list[int]:
    """Puts events at the end of the log; their positions."""
    rows = caller.sql(
        "WITH moved AS (UPDATE compliance.progress SET event_position = event_position + %s"
        " RETURNING event_position - %s AS head)"
        " INSERT INTO compliance.compliance_event SELECT head + n, 'made_' || head + n, 'made', %s, '{S200P}', now(),"
        " now(), 0, '', '{}' FROM moved, generate_series(1, %s) n RETURNING position",
        count,
        count,
        partner_id,
        count,
    )
    caller.sql("NOTIFY sagecert_compliance")
    return [position for (position,) in rows]


def hurry(caller: Caller) -> None:
    """Lets every endpoint be tried at once."""
    caller.sql("UPDATE webhooks.endpoint SET next_attempt_at = '-infinity'")
    caller.sql("NOTIFY sagecert_compliance")


async def is_in(caller: Caller, path: str, state: str) -> bool:
    return bool((await caller.call("GET", path, status=200))["state"] == state)


async def has_health(caller: Caller, path: str, **wanted: int) -> bool:
    health = await caller.health(path[1:])
    return health | wanted == health
