"""The work on one leased endpoint: when it may send, with which secrets, in which batches, and what it parks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from msgspec.structs import replace

from services.compliance.database import connect, create_pool
from services.compliance.webhooks.delivery.endpoint_delivery import Delivery, DeliveryContext
from services.compliance.webhooks.delivery.event_reader import SCAN_WINDOW, SharedReading
from services.compliance.webhooks.delivery.leases import Lease, load_leases, take_leases
from services.compliance.webhooks.delivery.outcome_writer import Recorder
from services.compliance.webhooks.message import batch_id
from services.compliance.webhooks.message_clock import message_clock
from services.compliance.webhooks.signing import SecretSealer
from services.compliance.webhooks.transport.http_post import Sender
from services.host.wall_clock import wall_clock
from tests.compliance.log import as_dispatcher
from tests.databases import Database
from tests.webhooks.calling import Caller, settings_for
from tests.webhooks.dispatching import numbers, received, until, waits_for_a_lock
from tests.webhooks.events import event_message
from tests.webhooks.receiver import Receiver, reply
from tests.webhooks.test_dispatcher import more_events

LEASE_SECONDS, DEADLINE_SECONDS = 45.0, 15.0


@asynccontextmanager
async def context_of(
    database: Database, lease_seconds: float = LEASE_SECONDS, deadline_seconds: float = DEADLINE_SECONDS
) -> AsyncIterator[DeliveryContext]:
    settings = as_dispatcher(settings_for(database))
    recorder = Recorder(settings)
    recording = asyncio.create_task(recorder.run())
    networks = settings.webhook_networks
    try:
        async with (
            create_pool(settings) as pool,
            Sender(networks=networks, plain_http=True, clock=wall_clock) as sender,
        ):
            clock = message_clock(pool, settings, wall_clock)
            yield DeliveryContext(pool, recorder, sender, clock, lease_seconds, deadline_seconds)
    finally:
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)


async def lease(database: Database, key: str = "") -> Lease:
    """Of the only endpoint that has something to be told."""
    settings = settings_for(database, key) if key else settings_for(database)
    connection = await connect(as_dispatcher(settings))
    try:
        taken_at = asyncio.get_running_loop().time()
        taken = await take_leases(connection, "test", LEASE_SECONDS)
        (leased,) = await load_leases(connection, SecretSealer(settings.webhook_keys), taken, taken_at)
        return leased
    finally:
        connection.terminate()


@asynccontextmanager
async def delivering_while_locked(
    caller: Caller, leased: Lease, lock: str = "SELECT FROM webhooks.endpoint FOR UPDATE"
) -> AsyncIterator[tuple[Delivery, "asyncio.Task[None]"]]:
    """The work goes on while its writes wait for the row; then the lock is committed and the work comes to its end."""
    with psycopg.connect(caller.database.owner_url) as other:
        other.execute(lock)
        async with context_of(caller.database) as context:
            delivery = Delivery(leased, context, SharedReading(context.pool))
            delivering = asyncio.create_task(delivery.run())
            yield delivery, delivering
            await until(lambda: waits_for_a_lock(caller))
            other.commit()
            await delivering


async def deliver(database: Database, leased: Lease) -> None:
    async with context_of(database) as context:
        await Delivery(leased, context, SharedReading(context.pool)).run()


@pytest.mark.parametrize(("age_seconds", "sent"), [(29.0, 3), (30.5, 0)])
async def test_it_sends_only_with_more_of_the_lease_left_than_a_request_may_take(
    caller: Caller, receiver: Receiver, age_seconds: float, sent: int
) -> None:
    await caller.register(receiver.url(), start="origin")
    more_events(caller, 3)
    leased = await lease(caller.database)
    await deliver(caller.database, replace(leased, taken_at=leased.taken_at - age_seconds))
    assert len(receiver.requests) == sent
    assert caller.sql("SELECT position FROM webhooks.endpoint") == [(sent,)]


async def test_a_write_renews_the_lease_from_when_it_was_asked_for(caller: Caller, receiver: Receiver) -> None:
    """It may take a while; in the database the lease has begun by its clock, somewhere within."""
    await caller.register(receiver.url(), start="origin")
    more_events(caller, 3)
    leased = await lease(caller.database)
    with psycopg.connect(caller.database.owner_url) as other:
        other.execute("SELECT FROM webhooks.endpoint FOR UPDATE")
        async with context_of(caller.database, lease_seconds=6, deadline_seconds=4) as context:
            begun = replace(leased, taken_at=asyncio.get_running_loop().time())
            delivering = asyncio.create_task(Delivery(begun, context, SharedReading(context.pool)).run())
            await receiver.came(1)
            await until(lambda: waits_for_a_lock(caller))
            await asyncio.sleep(2.2)  # of six seconds, less is left then than a request may take
            other.rollback()
            await delivering
    assert len(receiver.requests) == 1
    assert caller.sql("SELECT position FROM webhooks.endpoint") == [(1,)]


async def test_nothing_is_sent_before_all_before_it_is_recorded(caller: Caller, receiver: Receiver) -> None:
    await caller.register(receiver.url(), start="origin")
    more_events(caller, 5)
    leased = await lease(caller.database)
    async with delivering_while_locked(caller, leased):
        await receiver.came(1)
        await until(lambda: waits_for_a_lock(caller))
        await asyncio.sleep(0.3)
        assert len(receiver.requests) == 1
    assert numbers(received(receiver.requests)) == [(1, number, number) for number in range(1, 6)]
    assert caller.sql("SELECT position, attempts FROM webhooks.endpoint") == [(5, 5)]


async def test_a_failure_is_recorded_behind_the_success_before_it(caller: Caller, receiver: Receiver) -> None:
    await caller.register(receiver.url(), start="origin")
    more_events(caller, 3)
    leased = await lease(caller.database)
    receiver.script(reply(204), reply(500))
    async with delivering_while_locked(caller, leased):
        await receiver.came(1)
    assert caller.sql("SELECT position, attempts, failures FROM webhooks.endpoint") == [(1, 2, 1)]
    assert caller.sql("SELECT status FROM webhooks.attempt ORDER BY number") == [(204,), (500,)]


@pytest.mark.parametrize(
    ("changed", "cursor"),
    [("state = 'paused'", (1, 1, 1)), ("epoch = epoch + 1, sequence = 0, delivered_sequence = 0", (1, 2, 0))],
    ids=["paused", "another filter"],
)
async def test_what_is_sent_while_the_owner_changes_something_counts_and_nothing_follows(
    caller: Caller, receiver: Receiver, changed: str, cursor: tuple[int, ...]
) -> None:
    await caller.register(receiver.url(), start="origin")
    more_events(caller, 5)
    leased = await lease(caller.database)
    change = f"UPDATE webhooks.endpoint SET revision = revision + 1, {changed}"
    async with delivering_while_locked(caller, leased, change):
        await receiver.came(1)
    assert len(receiver.requests) == 1
    assert caller.sql("SELECT position, epoch, sequence FROM webhooks.endpoint") == [cursor]


async def test_told_to_stop_it_waits_for_the_write_that_is_under_way(caller: Caller, receiver: Receiver) -> None:
    """Whoever gives the lease back behind it would keep it from counting."""
    await caller.register(receiver.url(), start="origin")
    more_events(caller, 5)
    leased = await lease(caller.database)
    async with delivering_while_locked(caller, leased) as (delivery, delivering):
        await receiver.came(1)
        delivery.stopping = True
        await until(lambda: waits_for_a_lock(caller))
        await asyncio.sleep(0.2)
        assert not delivering.done()
    assert caller.sql("SELECT position FROM webhooks.endpoint") == [(len(receiver.requests),)]


@pytest.mark.parametrize(("left_seconds", "sent"), [(11, 1), (9, 0)])
async def test_it_sends_nothing_with_a_secret_that_has_expired_since(
    caller: Caller, receiver: Receiver, left_seconds: int, sent: int
) -> None:
    await caller.register(receiver.url(), start="origin")
    more_events(caller, 1)
    leased = await lease(caller.database)
    expires_at = leased.now + timedelta(seconds=left_seconds)
    await deliver(caller.database, replace(leased, secret_expires_at=expires_at, taken_at=leased.taken_at - 10))
    assert len(receiver.requests) == sent


async def test_a_secret_that_was_replaced_signs_until_it_expires(caller: Caller, receiver: Receiver) -> None:
    endpoint = await caller.register(receiver.url(), start="origin", ed25519=True)
    await caller.call("POST", f"/{endpoint['endpoint_id']}/secret-rotations", status=201)
    for _ in range(2):
        more_events(caller, 1)
        await deliver(caller.database, await lease(caller.database))
        caller.sql("UPDATE webhooks.secret SET expires_at = now() WHERE expires_at IS NOT NULL")
    signatures = [request.headers["webhook-signature"].split() for request in receiver.requests]
    assert [[text.split(",")[0] for text in texts] for texts in signatures] == [
        ["v1", "v1", "v1a", "v1a"],
        ["v1", "v1a"],
    ]


async def test_who_has_no_secret_that_opens_waits_and_is_well(caller: Caller, receiver: Receiver) -> None:
    await caller.register(receiver.url(), start="origin")
    more_events(caller, 1)
    await deliver(caller.database, await lease(caller.database, Fernet.generate_key().decode()))
    assert receiver.requests == []
    found = "SELECT failures, last_error ~ 'no key opens', next_attempt_at > now(), lease_until FROM webhooks.endpoint"
    assert caller.sql(found.replace("lease_until", "lease_until = '-infinity'")) == [(0, True, True, True)]


async def test_a_batch_ends_where_a_partner_is_kept_back(caller: Caller, receiver: Receiver) -> None:
    endpoint = await caller.register(receiver.url(), start="origin", batch_max=10)
    for partner_id in ("Bad", "Good", "Good", "Bad", "Bad", "Good"):
        more_events(caller, 1, partner_id)
    park(caller, endpoint, 1, "Bad")
    await deliver(caller.database, await lease(caller.database))
    assert [numbers(received([request])) for request in receiver.requests] == [[(1, 2, 2), (1, 3, 3)], [(1, 6, 6)]]
    assert [message.get("parked") for message in received(receiver.requests)] == ["1", None, "4-5"]
    kept = "SELECT sequence, position, partner_id FROM webhooks.parked_message ORDER BY sequence"
    assert caller.sql(kept) == [(1, 1, "Bad"), (4, 4, "Bad"), (5, 5, "Bad")]


async def test_the_first_of_an_epoch_names_what_is_kept_back_of_those_before(
    caller: Caller, receiver: Receiver
) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    for partner_id in ("Bad", "Bad", "Bad", "Bad", "Good", "Good"):
        more_events(caller, 1, partner_id)
    for number in (1, 2, 4):
        park(caller, endpoint, number, "Bad")
    caller.sql("UPDATE webhooks.endpoint SET epoch = 2, sequence = 0")
    await deliver(caller.database, await lease(caller.database))
    assert numbers(received(receiver.requests)) == [(2, 1, 5), (2, 2, 6)]
    assert [message.get("parkedearlier") for message in received(receiver.requests)] == ["1:1-2,1:4", None]
    assert [message.get("parked") for message in received(receiver.requests)] == [None, None]


async def test_another_filter_while_messages_are_kept_back_names_them(caller: Caller, receiver: Receiver) -> None:
    """They were the last of their epoch: no message of that one names them any more."""
    endpoint = await caller.register(receiver.url(), start="origin")
    for partner_id in ("Bad", "Bad", "Good"):
        more_events(caller, 1, partner_id)
    for number in (1, 2):
        park(caller, endpoint, number, "Bad")
    wanted = {"filter": {"partner_ids": ["Bad", "Good"]}}
    await caller.call("PATCH", f"/{endpoint['endpoint_id']}", status=200, body=wanted)
    dry_run = await caller.call("POST", f"/{endpoint['endpoint_id']}/dry-runs", status=200, body={})
    await deliver(caller.database, await lease(caller.database))
    (sent,) = received(receiver.requests)
    assert (sent["epoch"], sent["sequence"], sent["parkedearlier"]) == (2, 1, "1:1-2")
    assert dry_run["messages"] == [sent]


async def test_of_very_many_that_are_kept_back_the_first_ranges_are_named(caller: Caller, receiver: Receiver) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    more_events(caller, 300, "Bad")
    more_events(caller, 1, "Good")
    for number in range(1, 300, 2):
        park(caller, endpoint, number, "Bad")
    caller.sql("UPDATE webhooks.endpoint SET epoch = 2, sequence = 0, position = 300")
    await deliver(caller.database, await lease(caller.database))
    named = received(receiver.requests)[0]["parkedearlier"].split(",")
    assert (len(named), named[:2], named[-2:]) == (101, ["1:1", "1:3"], ["1:199", "more"])


@pytest.mark.parametrize(("released", "named"), [((1, 2), None), ((1,), "2"), ((2,), "1-2")])
async def test_what_was_released_and_came_is_named_as_kept_back_no_more(
    caller: Caller, receiver: Receiver, released: tuple[int, ...], named: str | None
) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    for partner_id in ("Bad", "Bad", "Good"):
        more_events(caller, 1, partner_id)
    for number in (1, 2):
        park(caller, endpoint, number, "Bad")
    caller.sql("UPDATE webhooks.parked_message SET released = true WHERE sequence = ANY (%s)", list(released))
    for _ in range(2):
        await deliver(caller.database, await lease(caller.database))
        caller.sql("UPDATE webhooks.endpoint SET lease_until = '-infinity'")
        if len(receiver.requests) > len(released):
            break
    messages = received(receiver.requests)
    assert [message["sequence"] for message in messages] == [*released, 3]
    assert messages[-1].get("parked") == named


def test_other_messages_in_a_batch_make_another_id() -> None:
    first, second, third = (event_message(number) for number in (1, 2, 3))
    batches = [first], [first, second], [first, third], [first, second, third]
    ids = [batch_id(batch) for batch in batches]
    assert len(set(ids)) == len(ids)
    assert ids == [batch_id(batch) for batch in batches]


async def test_the_next_message_is_given_a_day_of_its_own(caller: Caller, receiver: Receiver) -> None:
    """The one before was parked; this one has been rejected once."""
    await caller.register(receiver.url(), start="origin")
    for partner_id in ("Bad", "Worse"):
        more_events(caller, 1, partner_id)
    caller.sql(
        "UPDATE webhooks.endpoint SET failures = 9, warned_hours = 24, last_attempt_at = now(),"
        " failing_since = now() - interval '25 hours', rejecting_since = now() - interval '24 hours'"
    )
    receiver.answer = reply(422)
    await deliver(caller.database, await lease(caller.database))
    assert len(receiver.requests) == 2
    assert caller.sql("SELECT partner_id FROM webhooks.parked_message") == [("Bad",)]
    waits = "SELECT position, failures, next_attempt_at > now(), rejecting_since > now() - interval '1 hour'"
    assert caller.sql(f"{waits} FROM webhooks.endpoint") == [(1, 11, True, True)]


async def test_what_lies_at_the_end_of_a_stretch_is_told(caller: Caller, receiver: Receiver) -> None:
    await caller.register(receiver.url(), start="origin", filter={"partner_ids": ["EndpointPatch"]})
    for others in (SCAN_WINDOW - 1, SCAN_WINDOW - 1):
        more_events(caller, others, "Other")
        more_events(caller, 1, "EndpointPatch")
    await deliver(caller.database, await lease(caller.database))
    assert numbers(received(receiver.requests)) == [(1, 1, SCAN_WINDOW), (1, 2, 2 * SCAN_WINDOW)]


async def test_the_log_of_attempts_says_what_was_sent(caller: Caller, receiver: Receiver) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    more_events(caller, 2, "Bad")
    park(caller, endpoint, 1, "Bad")
    caller.sql("UPDATE webhooks.parked_message SET released = true")
    caller.sql("UPDATE webhooks.endpoint SET epoch = 2, sequence = 0")
    receiver.script(reply(204), reply(500, b"no"))
    for _ in range(2):
        await deliver(caller.database, await lease(caller.database))
        caller.sql("UPDATE webhooks.endpoint SET lease_until = '-infinity'")
    kept = "SELECT number, epoch, sequence, messages, status, reply FROM webhooks.attempt ORDER BY number"
    assert caller.sql(kept) == [(1, 1, 1, 1, 204, b""), (2, 2, 1, 1, 500, b"no")]
    told_of = "SELECT last_status, last_delivered_at < last_attempt_at FROM webhooks.endpoint"
    assert caller.sql(told_of) == [(500, True)]


def park(caller: Caller, endpoint: dict[str, Any], number: int, partner_id: str) -> None:
    """The endpoint is just behind a message that it rejected for a day."""
    parked = "INSERT INTO webhooks.parked_message VALUES (%s, 1, %s, %s, %s)"
    caller.sql(parked, endpoint["endpoint_id"], number, number, partner_id)
    caller.sql("UPDATE webhooks.endpoint SET sequence = %s, position = %s", number, number)
