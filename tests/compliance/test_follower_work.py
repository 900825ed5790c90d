"""What a fact costs the follower: the partners that it derives, and how often it says meanwhile that it lives."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from services.compliance.database import OwnConnection, connect
from services.compliance.projection import batch
from services.compliance.projection.affected_partners import concerned_partners
from services.compliance.projection.batch import Limits, Projector
from shared.events.facts import (
    ConsultantLeft,
    ConsultantLinked,
    FactData,
    FactVoided,
    PartnerClosed,
    PartnerEnrolled,
    PartnersMerged,
    PortalChangeDeclared,
)
from tests.compliance.log import OURS, Log, as_follower, settings_for
from tests.compliance.seed import BEGIN, SeedFacts
from tests.databases import Database

FEW, MANY = 20, 200
PEOPLE = ("C1", "C2", "C3")
HOUR = timedelta(hours=1)
LATER = BEGIN + timedelta(days=90)


def linked_to_all(partners: int) -> SeedFacts:
    """Three certified people who are linked to every partner."""
    told = SeedFacts()
    for number in range(partners):
        told.tell(BEGIN, PartnerEnrolled(f"P{number:03}", "VAR", "PARTNER_SUCCESS"))
    for person in PEOPLE:
        told.certified(BEGIN, person)
    for number in range(partners):
        for person in PEOPLE:
            told.tell(BEGIN + number * HOUR, ConsultantLinked(f"P{number:03}", person))
    return told


def happenings(told: SeedFacts) -> Iterator[tuple[str, FactData]]:
    """What touches every partner of these people, and changes few."""
    yield "a merger", PartnersMerged("P003", "P004")
    merger = f"f{told.head}"
    yield "the same merger", PartnersMerged("P003", "P004")
    yield "the void of the second merger", FactVoided(f"f{told.head}")
    yield "a second merger", PartnersMerged("P005", "P004")
    yield "the closure of the survivor", PartnerClosed("P004")
    yield "the void of the closure", FactVoided(f"f{told.head}")
    yield "the closure of another one", PartnerClosed("P006")
    yield "the void of the merger", FactVoided(merger)
    yield "a link that is there", ConsultantLinked("P007", "C1")
    yield "a departure", ConsultantLeft("P007", "C1")
    yield "a departure of nobody", ConsultantLeft("P007", "C1")


async def derived(database: Database, partners: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many partners each of the happenings concerns."""
    found: list[set[str]] = []

    async def observed(*args: Any) -> set[str]:
        found.append(await concerned_partners(*args))
        return found[-1]

    told, counts = linked_to_all(partners), dict[str, int]()
    connection = await connect(as_follower(settings_for(database)))
    with psycopg.connect(database.owner_url, autocommit=True) as owner, monkeypatch.context() as patched:
        patched.setattr(batch, "concerned_partners", observed)
        log = Log(owner)
        log.write(told.groups)
        projector = Projector(connection, OURS, "test", limits=Limits(unnamed_max=4))
        await projector.advance_fully(None)
        for number, (name, data) in enumerate(happenings(told)):
            told.tell(LATER + number * HOUR, data)
            log.write(told.groups[-1:])
            found.clear()
            await projector.advance_fully(None)
            counts[name] = sum(map(len, found))
    await connection.close()
    return counts


@pytest.mark.parametrize("partners", [FEW, MANY])
async def test_of_many_partners_only_those_that_change_are_derived(
    database: Database, monkeypatch: pytest.MonkeyPatch, partners: int
) -> None:
    """A merger, a closure, a void or a link at one partner of people who are linked to every one."""
    counts = await derived(database, partners, monkeypatch)

    assert {name: count for name, count in counts.items() if not 0 < count <= 4} == {}


async def test_what_a_portal_change_leaves_as_it_is_is_not_written_again(database: Database) -> None:
    """Neither replaced nor locked: either costs a write for each row."""
    told = linked_to_all(2)
    told.tell(BEGIN + 10 * HOUR, ConsultantLeft("P000", "C1"), ConsultantLeft("P000", "C2"))
    told.tell(BEGIN + 20 * HOUR, ConsultantLinked("P000", "C1"))
    tables = ("consultant_link", "replacement_window", "consultant_certification", "maintenance_duty")
    connection: OwnConnection = await connect(as_follower(settings_for(database)))

    async def versions() -> dict[str, set[object]]:
        """By table, the place of each row, and who wrote or locked it last."""
        rows = {table: await connection.fetch(f"SELECT ctid::text, xmin, xmax FROM {table}") for table in tables}
        return {table: {tuple(row) for row in found} for table, found in rows.items()}

    async def follow(told: SeedFacts, log: Log) -> dict[str, set[object]]:
        log.write(told.groups[-1:])
        await Projector(connection, OURS, "test").advance_fully(None)
        return await versions()

    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        log = Log(owner)
        log.write(told.groups[:-1])
        before = await follow(told, log)
        told.tell(LATER, announced("one"))
        first = await follow(told, log)
        told.tell(LATER, announced("two"))
        second = await follow(told, log)
    await connection.close()

    assert before["consultant_link"] == first["consultant_link"] == second["consultant_link"] != set()
    assert set() != before["replacement_window"] < first["replacement_window"] == second["replacement_window"]
    assert first["consultant_certification"] == second["consultant_certification"] != before["consultant_certification"]
    assert set() != first["maintenance_duty"] < second["maintenance_duty"]


def announced(portal_change_id: str) -> PortalChangeDeclared:
    """All certifications lapse by it at the same midnight."""
    return PortalChangeDeclared(portal_change_id, ("S200P",), True, (LATER + timedelta(days=90)).date(), "a change")


async def test_a_batch_says_again_and_again_that_the_follower_lives(database: Database) -> None:
    """While the connection is free: a heartbeat goes over it."""
    beats = 0
    connection: OwnConnection = await connect(as_follower(settings_for(database)))

    async def beat() -> None:
        nonlocal beats
        beats += await connection.fetchval("SELECT 1")

    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        Log(owner).write(linked_to_all(FEW).groups)
        assert await Projector(connection, OURS, "test", alive=beat).advance_fully(None)
    await connection.close()

    assert beats >= FEW
