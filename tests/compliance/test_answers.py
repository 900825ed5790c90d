"""Live, as of any moment, and folded from the events: one truth (R31)."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import httpx
import psycopg
import pytest
from httpx import AsyncClient
from psycopg import Connection

from services.compliance.database import OwnConnection, connect
from services.compliance.projection.batch import Projector
from shared.events.facts import PortalChangeDeclared
from shared.events.wire import instant_text
from tests.compliance.asking import answer, ask, asking
from tests.compliance.log import OURS, Group, Log, as_follower, compliance_log, set_clock, settings_for
from tests.databases import Database
from tests.oracle.histories import seeded
from tests.policy.fact_log import recorded

PRODUCTS = ("S200P", "S200S")
MICROSECOND = timedelta(microseconds=1)


def history(seed: int) -> list[Group]:
    return [group for group in recorded(seeded(seed)) if group]


class Lived:
    """A history as it is lived: each group is recorded with the clock at its instant, and followed at once."""

    def __init__(
        self, database: Database, owner: Connection[Any], connection: OwnConnection, client: AsyncClient
    ) -> None:
        self.client = client
        self.connection = connection
        self.database = database
        self._log = Log(owner)

    async def record(self, group: Group) -> None:
        """Time passes until the facts are recorded; what time alone brings comes first."""
        await self.let_pass(group[0].recorded_at)
        self._log.write([group])
        await Projector(self.connection, OURS, "test").advance_fully(None)

    async def let_pass(self, until: datetime) -> None:
        set_clock(self.database, until)
        await Projector(self.connection, OURS, "test").advance_fully(until)


@pytest.fixture
async def lived(sandbox_database: Database) -> AsyncIterator[Lived]:
    settings = settings_for(sandbox_database)
    connection = await connect(as_follower(settings))
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        async with asking(settings) as client:
            yield Lived(sandbox_database, owner, connection, client)
    await connection.close()


@pytest.mark.parametrize("seed", range(40, 46))
async def test_the_live_answer_can_be_had_again_for_ever(lived: Lived, seed: int) -> None:
    groups = history(seed)
    given: list[tuple[str, bytes]] = []
    for group in groups:
        await lived.record(group)
        for path in questions(groups):
            response = await lived.client.get(path)
            if response.status_code == 200:
                given.append((path, response.content))
    await lived.let_pass(groups[-1][0].recorded_at + timedelta(days=100))

    assert given
    for path, content in given:
        told = httpx.Response(200, content=content).json()
        again = await answer(lived.client, path, at=told["at"], known_position=told["position"])
        assert {**again, "known_at": told["known_at"]} == told


@pytest.mark.parametrize("seed", range(50, 54))
async def test_between_facts_the_clock_alone_moves_the_live_answer_whether_or_not_a_timer_has_fired(
    lived: Lived, seed: int
) -> None:
    groups = history(seed)
    for group in groups:
        await lived.record(group)
    position = groups[-1][-1].position
    for day in range(0, 80, 4):
        at = groups[-1][0].recorded_at + timedelta(days=day, microseconds=day % 3)
        set_clock(lived.database, at)
        for path in ("partners", "windows", *questions(groups)):
            told = await ask(lived.client, path)
            again = await ask(lived.client, path, at=instant_text(at), known_position=position)
            assert told.status_code == again.status_code
            if told.status_code == 200:
                assert {**told.json(), "known_at": ""} == {**again.json(), "known_at": ""}


@pytest.mark.parametrize("seed", range(61, 66))
async def test_next_change_at_is_the_next_instant_at_which_the_answer_changes(lived: Lived, seed: int) -> None:
    groups = history(seed)
    for group in groups:
        await lived.record(group)
    changes = 0
    for path in questions(groups):
        now = await ask(lived.client, path, at=instant_text(groups[0][0].effective_at))
        for _ in range(60):
            if now.status_code != 200 or now.json().get("next_change_at") is None:
                break
            change = datetime.fromisoformat(now.json()["next_change_at"])
            before = await ask(lived.client, path, at=instant_text(change - MICROSECOND))
            after = await ask(lived.client, path, at=instant_text(change))
            assert said(before) == said(now)
            assert said(after) != said(now)
            now = after
            changes += 1
    assert changes > 0


@pytest.mark.parametrize("seed", [65, 68, 70, 73, 80, 87])
async def test_next_change_at_of_a_window_is_when_it_changes_next(lived: Lived, seed: int) -> None:
    """R18, R19: these histories have windows, and those end in every way there is."""
    groups = history(seed)
    for group in groups:
        await lived.record(group)
    begin = groups[0][0].effective_at
    at_last = await windows_at(lived, begin + timedelta(days=1000))
    for day in range(0, 400, 20):
        for place, window in (await windows_at(lived, begin + timedelta(days=day))).items():
            if window["next_change_at"] is None:
                assert at_last[place] == window
                continue
            change = datetime.fromisoformat(window["next_change_at"])
            assert (await windows_at(lived, change - MICROSECOND))[place] == window
            changed = (await windows_at(lived, change))[place]
            assert changed["outcome"] != window["outcome"]


async def windows_at(lived: Lived, at: datetime) -> dict[tuple[object, ...], dict[str, Any]]:
    """Every window that has opened by then."""
    told = await answer(lived.client, "windows", at=instant_text(at), limit=1000)
    return {(item["partner_id"], item["product"], item["number"]): item for item in told["windows"]}


@pytest.mark.parametrize("seed", range(70, 78))
async def test_whoever_takes_the_events_in_order_holds_what_the_api_answers(lived: Lived, seed: int) -> None:
    groups = history(seed)
    for group in groups:
        await lived.record(group)
    await lived.let_pass(groups[-1][0].recorded_at + timedelta(days=100))
    held: dict[tuple[str, str], dict[str, Any]] = {}
    position = 0
    events_in_order = await compliance_log(lived.connection)
    steps = groupby(events_in_order, key=lambda event: (event["recorded_at"], event["fact_position"]))
    for (instant, of_facts), events in steps:
        position = of_facts or position_before(groups, instant)
        for event in events:
            for standing in json.loads(event["data"])["standings"]:
                held[event["partner_id"], standing.pop("product")] = standing
        for (partner_id, product), standing in held.items():
            path = f"partners/{partner_id}/compliance/{product}"
            told = await answer(lived.client, path, at=instant_text(instant), known_position=position)
            assert {name: told[name] for name in standing} == standing, (instant, position, path)


def position_before(groups: Sequence[Group], instant: datetime) -> int:
    """The last position recorded before the instant: a timer comes before the facts of its instant."""
    return max((fact.position for group in groups for fact in group if fact.recorded_at < instant), default=0)


def questions(groups: Sequence[Group]) -> list[str]:
    """Every question about every partner and person of a history."""
    facts = [fact.data for group in groups for fact in group]
    partners = {str(getattr(data, name)) for data in facts for name in ("partner_id", "into") if hasattr(data, name)}
    consultants = {str(data.consultant_id) for data in facts if hasattr(data, "consultant_id")}
    changes = {data.portal_change_id for data in facts if isinstance(data, PortalChangeDeclared)}
    return [
        *(f"partners/{partner}/compliance/{product}" for partner in sorted(partners) for product in PRODUCTS),
        *(f"partners/{partner}/authorisations/S200P?customer=new" for partner in sorted(partners)),
        *(f"partners/{partner}" for partner in sorted(partners)),
        *(f"consultants/{consultant}/certifications/S200P" for consultant in sorted(consultants)),
        *(f"portal-changes/{change}/notifications" for change in sorted(changes)),
    ]


def said(response: httpx.Response) -> dict[str, Any]:
    """What an answer says, without the moment that it is about."""
    told: dict[str, Any] = response.json()
    return {name: value for name, value in told.items() if name not in ("at", "known_at", "position", "next_change_at")}
