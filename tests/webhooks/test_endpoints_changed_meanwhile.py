"""Endpoints that are changed while they are told: nothing is lost, and no number is left out."""

import asyncio
from typing import Any

import httpx
import psycopg
from standardwebhooks import Webhook

from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from tests.compliance.log import OURS, Group, Log, as_follower, set_clock
from tests.compliance.seed import population
from tests.databases import Database
from tests.systems import START, System
from tests.webhooks.calling import ENDPOINTS, Caller, calling, settings_for
from tests.webhooks.dispatching import dispatching, received, until_delivered
from tests.webhooks.receiver import Receiver, Request

ROUNDS = 10


async def happen(database: Database, groups: list[Group]) -> None:
    """More facts, and what is announced because of them."""
    until = groups[-1][-1].recorded_at
    set_clock(database, until)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        Log(owner).write(groups)
    connection = await connect(as_follower(settings_for(database)))
    try:
        await Projector(connection, OURS, "test").advance_fully(until)
    finally:
        await connection.close()


def messages(requests: list[Request]) -> list[dict[str, Any]]:
    """What was told of the log, in the order of its arrival."""
    return [message for message in received(requests) if "sequence" in message]


async def change(caller: Caller, url: str, path: str, turn: int) -> None:
    """Everything that an owner can change, at once."""
    partners = [f"P{number}" for number in range(turn % 4, 30)]
    await asyncio.gather(
        caller.call("PATCH", path, status=200, body={"description": f"turn {turn}"}),
        caller.call("PATCH", path, status=200, body={"batch_max": 1 + turn % 3}),
        caller.call("PATCH", path, status=200, body={"url": f"{url}/{turn}"}),
        caller.call("PATCH", path, status=200, body={"filter": {"partner_ids": partners} if turn % 3 else None}),
        caller.call("POST", f"{path}/releases", status=202),
        caller.call("POST", f"{path}/tests", status=200),
    )


async def test_changes_during_deliveries_lose_nothing(sandbox_database: Database) -> None:
    groups = population(30)
    share = len(groups) // ROUNDS + 1
    async with Receiver() as receiver, calling(sandbox_database) as caller, dispatching(sandbox_database, 2):
        url = receiver.url()
        endpoint_id = (await caller.register(url, start="origin"))["endpoint_id"]
        path = f"/{endpoint_id}"
        for turn in range(ROUNDS):
            happening = happen(sandbox_database, groups[turn * share : (turn + 1) * share])
            await asyncio.gather(happening, change(caller, url, path, turn))
        await until_delivered(caller, endpoint_id)
        assert_numbered(messages(receiver.requests))
        await caller.call("PATCH", path, status=200, body={"filter": None})
        replays = [caller.call("POST", f"{path}/replays", status=202, body={"from": "origin"}) for _ in range(3)]
        await asyncio.gather(*replays)
        await until_delivered(caller, endpoint_id)
        epoch = (await caller.health(endpoint_id))["epoch"]
        found = messages(receiver.requests)
        assert_numbered(found)
        last = {item["sequence"]: item for item in found if item["epoch"] == epoch}
        feed = (await caller.http.get("events", params={"after": 0, "limit": 1000})).json()
        assert len(feed) > 50
        assert [last[number]["id"] for number in sorted(last)] == [event["id"] for event in feed]


async def test_a_system_that_is_emptied_goes_on_telling(system: System) -> None:
    """The dispatcher of a running system lets go of what was and tells the endpoints that come."""
    async with Receiver() as receiver, httpx.AsyncClient(base_url=system.url, timeout=60) as http:
        for turn in range(2):
            registered = (await http.post(f"/compliance/v1/{ENDPOINTS}", json={"url": receiver.url(f"/{turn}")})).json()
            body = {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS"}
            headers = {"Idempotency-Key": "k1"}
            (await http.post("/certification/v1/partners", json=body, headers=headers)).raise_for_status()
            while receiver.requests[-1:] == [] or receiver.requests[-1].path != f"/{turn}":
                await receiver.came(len(receiver.requests) + 1)
            first = next(request for request in receiver.requests if request.path == f"/{turn}")
            assert Webhook(registered["secret"]).verify(first.body.decode(), dict(first.headers))["sequence"] == 1
            (await http.post("/sandbox/v1/reset", json={"now": START})).raise_for_status()


def assert_numbered(found: list[dict[str, Any]]) -> None:
    """In every epoch the numbers count from 1 and the positions rise; one that comes again is the same."""
    epochs: dict[int, dict[int, dict[str, Any]]] = {}
    for item in found:
        known = epochs.setdefault(item["epoch"], {})
        again = known.get(item["sequence"])
        assert again in (None, item)
        assert again is not None or item["sequence"] == len(known) + 1
        known[item["sequence"]] = item
    for known in epochs.values():
        positions = [known[number]["position"] for number in sorted(known)]
        assert positions == sorted(set(positions))
