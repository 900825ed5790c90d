"""Whose turn it is: who has something to be told now, and is held by nobody."""

from typing import Any

import psycopg
import pytest

from services.compliance.database import connect
from services.compliance.webhooks.delivery.leases import DUE_SCAN_WINDOW, LEASES_TAKEN_MAX, release_leases, take_leases
from tests.compliance.log import as_dispatcher
from tests.databases import Database
from tests.webhooks.calling import Caller, settings_for
from tests.webhooks.test_dispatcher import more_events


async def taken(database: Database, held_by: str = "test") -> list[int]:
    """The fences of what is taken, and given back at once."""
    connection = await connect(as_dispatcher(settings_for(database)))
    try:
        fences = list((await take_leases(connection, held_by, 45.0)).values())
        await release_leases(connection, held_by, ())
        return fences
    finally:
        connection.terminate()


@pytest.mark.parametrize(
    ("filtered", "is_taken"),
    [
        (None, True),
        ({"types": ["made", "level-dropped"], "partner_ids": ["P1"], "products": ["S200P"]}, True),
        ({"types": ["level-dropped"], "partner_ids": ["P1"], "products": ["S200P"]}, False),
        ({"types": ["made"], "partner_ids": ["P2"]}, False),
        ({"partner_ids": ["P1"], "products": ["S200S"]}, False),
    ],
)
async def test_an_event_makes_it_the_turn_of_those_whose_filter_it_passes(
    caller: Caller, filtered: Any, is_taken: bool
) -> None:
    more_events(caller, 1, "P2")
    endpoint = await caller.register(start="origin")
    set_filter(caller, endpoint["endpoint_id"], filtered or {})
    caller.sql("UPDATE webhooks.endpoint SET position = 1")
    more_events(caller, 1, "P1")
    assert await taken(caller.database) == ([1] if is_taken else [])


@pytest.mark.parametrize(
    ("otherwise", "is_taken"),
    [
        ("lease_until = now() + interval '1 s'", False),
        ("lease_until = now()", True),
        ("next_attempt_at = now() + interval '1 s'", False),
        ("state = 'paused'", False),
        ("position = 1", False),
        ("position = 1, heartbeat_seconds = 10, registered_at = now() - interval '10 s'", True),
        (
            "position = 1, heartbeat_seconds = 10, registered_at = now() - interval '1 h', last_attempt_at = now()",
            False,
        ),
        ("position = 1, heartbeat_seconds = 10, registered_at = now() - interval '1 h', state = 'paused'", False),
    ],
)
async def test_the_turn_of_an_endpoint(caller: Caller, otherwise: str, is_taken: bool) -> None:
    await caller.register(start="origin")
    more_events(caller, 1)
    caller.sql(f"UPDATE webhooks.endpoint SET {otherwise}")
    assert await taken(caller.database) == ([1] if is_taken else [])


@pytest.mark.parametrize(("behind", "is_taken"), [(DUE_SCAN_WINDOW, False), (DUE_SCAN_WINDOW + 1, True)])
async def test_who_is_far_behind_is_taken_to_come_nearer(caller: Caller, behind: int, is_taken: bool) -> None:
    endpoint = await caller.register(start="origin")
    set_filter(caller, endpoint["endpoint_id"], {"partner_ids": ["Nobody"]})
    more_events(caller, behind)
    assert await taken(caller.database) == ([1] if is_taken else [])


async def test_what_somebody_changes_at_the_moment_keeps_nobody_waiting(caller: Caller) -> None:
    locked = await caller.register(start="origin")
    await caller.register(start="origin")
    more_events(caller, 1)
    with psycopg.connect(caller.database.owner_url) as owner:
        owner.execute("SELECT FROM webhooks.endpoint WHERE endpoint_id = %s FOR UPDATE", (locked["endpoint_id"],))
        assert await taken(caller.database) == [1]
    assert sorted(await taken(caller.database)) == [1, 2]


async def test_no_more_are_taken_at_once_however_little_is_known_of_the_table(caller: Caller) -> None:
    """Statistics of a table that was nearly empty suggest to look for those that are due anew for each endpoint."""
    endpoint = await caller.register(start="origin")
    more_events(caller, 1)
    caller.sql(
        "INSERT INTO webhooks.endpoint (endpoint_id, url, description, batch_max, state, position)"
        " SELECT endpoint_id || n, url, '', 1, 'active', 0 FROM webhooks.endpoint, generate_series(1, %s) n"
        " WHERE endpoint_id = %s",
        LEASES_TAKEN_MAX,
        endpoint["endpoint_id"],
    )
    with psycopg.connect(caller.database.superuser_url, autocommit=True) as superuser:
        statistics = "UPDATE pg_class SET reltuples = 1, relpages = 1000 WHERE oid = 'webhooks.endpoint'::regclass"
        superuser.execute(statistics)
    assert len(await taken(caller.database)) == LEASES_TAKEN_MAX


async def test_only_its_own_leases_are_given_back_and_not_those_that_are_kept(caller: Caller) -> None:
    kept, other, own = [(await caller.register())["endpoint_id"] for _ in range(3)]
    for endpoint_id, held_by in ((kept, "me"), (other, "another"), (own, "me")):
        held = "UPDATE webhooks.endpoint SET held_by = %s, lease_until = now() + interval '1 h' WHERE endpoint_id = %s"
        caller.sql(held, held_by, endpoint_id)
    connection = await connect(as_dispatcher(settings_for(caller.database)))
    try:
        await release_leases(connection, "me", [kept])
    finally:
        connection.terminate()
    assert caller.sql("SELECT endpoint_id FROM webhooks.endpoint WHERE lease_until < now()") == [(own,)]


def set_filter(caller: Caller, endpoint_id: str, filtered: dict[str, list[str]]) -> None:
    names = ("types", "partner_ids", "products")
    filters = "UPDATE webhooks.endpoint SET types = %s, partner_ids = %s, products = %s WHERE endpoint_id = %s"
    caller.sql(filters, *map(filtered.get, names), endpoint_id)
