"""Lists of people and of maintenance that is owed: the present, by index, and any other moment, from the log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from services.compliance.settings import ComplianceSettings
from shared.events.facts import (
    AttemptScored,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    MaintenanceCompleted,
    PartnerEnrolled,
    Period,
    PortalChangeDeclared,
)
from shared.events.wire import instant_text
from tests.compliance.asking import answer, ask, asking
from tests.compliance.log import OURS, Group, Log, as_follower, set_clock, settings_for
from tests.compliance.seed import BEGIN, DAY, SeedFacts
from tests.compliance.test_projection import history
from tests.databases import Database

NOW = datetime(2022, 3, 25, 9, tzinfo=UTC)
ANNOUNCED = BEGIN + 10 * DAY
"""Of CH1, due on the first of March."""


async def followed(database: Database, groups: list[Group], now: datetime) -> ComplianceSettings:
    settings = settings_for(database)
    set_clock(database, now)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        Log(owner).write(groups)
    connection = await connect(as_follower(settings))
    await Projector(connection, OURS, "test").advance_fully(now)
    await connection.close()
    return settings


def told() -> list[Group]:
    """Two partners. Of P1: A certified; B lapsed; C did its maintenance; D has the course; E failed; F left."""
    seed = SeedFacts()
    for partner in ("P1", "P2"):
        seed.tell(BEGIN, PartnerEnrolled(partner, "VAR", "PARTNER_SUCCESS"))
    for person in "ABCDEF":
        seed.tell(BEGIN, ConsultantLinked("P1", person))
    for person in "BCF":
        seed.certified(BEGIN, person)
    due_on = datetime(2022, 3, 1, tzinfo=UTC).date()
    seed.tell(ANNOUNCED, PortalChangeDeclared("CH1", ("S200P",), True, due_on, "a change"))
    seed.certified(ANNOUNCED + DAY, "A")
    seed.tell(ANNOUNCED + 2 * DAY, MaintenanceCompleted("C", "S200P", "CH1", (Period(ANNOUNCED + 2 * DAY),)))
    seed.tell(ANNOUNCED + 3 * DAY, CourseCompleted("D", "S200P"))
    seed.tell(ANNOUNCED + 3 * DAY, ExamRegistered("R1", "E", "S200P"))
    seed.tell(ANNOUNCED + 4 * DAY, AttemptScored("R1", 1, "79.99"))
    seed.tell(ANNOUNCED + 5 * DAY, ConsultantLeft("P1", "F"))
    seed.tell(ANNOUNCED + 6 * DAY, ConsultantLinked("P2", "A"))
    return seed.groups


def shown(page: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    return {
        row["consultant_id"]: (row["partner_id"], row["certified_since"], *row["lacks"], row["maintenance_due_on"])
        for row in page["consultants"]
    }


async def test_a_list_says_since_when_each_is_certified_or_what_it_lacks(sandbox_database: Database) -> None:
    settings = await followed(sandbox_database, told(), NOW)
    async with asking(settings) as client:
        began, after = instant_text(BEGIN), instant_text(ANNOUNCED + DAY)
        now = {
            "A": ("P1", after, None),
            "B": ("P1", None, "maintenance", "2022-03-01"),
            "C": ("P1", began, None),
            "D": ("P1", None, "pass", None),
            "E": ("P1", None, "course", "pass", None),
            "F": (None, None, "maintenance", "2022-03-01"),
        }
        assert shown(await answer(client, "consultants", product="S200P")) == now
        of_partner = {person: row for person, row in now.items() if person != "F"}
        assert shown(await answer(client, "partners/P1/consultants", product="S200P")) == of_partner
        assert shown(await answer(client, "consultants", product="S200P", partner_id="P2")) == {"A": now["A"]}
        certified = shown(await answer(client, "consultants", product="S200P", certified="true"))
        assert certified == {"A": now["A"], "C": now["C"]}
        assert shown(await answer(client, "consultants", product="S200P", q="b")) == {"B": now["B"]}
        earlier = await answer(client, "consultants", product="S200P", at=instant_text(ANNOUNCED + 5 * DAY))
        assert shown(earlier)["B"] == ("P1", began, "2022-03-01")
        assert [row["next_change_at"] for row in earlier["consultants"]][1] == "2022-03-02T00:00:00Z"
        assert (await ask(client, "partners/nobody/consultants")).status_code == 404


async def test_maintenance_is_listed_while_it_is_owed(sandbox_database: Database) -> None:
    settings = await followed(sandbox_database, told(), NOW)
    async with asking(settings) as client:
        page = await answer(client, "maintenance")
        owed = [(row["due_on"], row["portal_change_id"], row["consultant_id"]) for row in page["maintenance"]]
        assert owed == [("2022-03-01", "CH1", "B"), ("2022-03-01", "CH1", "F")]
        assert all(row["overdue"] for row in page["maintenance"])
        assert [row["partner_id"] for row in page["maintenance"]] == ["P1", None]
        earlier = {"at": instant_text(ANNOUNCED + DAY), "known_position": page["position"]}
        then = [row["consultant_id"] for row in (await answer(client, "maintenance", **earlier))["maintenance"]]
        assert then == ["B", "C", "F"]
        for question, people in (
            ({"due_before": "2022-03-01"}, []),
            ({"due_before": "2022-03-02"}, ["B", "F"]),
            ({"due_before": "2022-03-02T00:00:00Z"}, []),
            ({"portal_change_id": "CH2"}, []),
            ({"partner_id": "P1"}, ["B"]),
            ({"partner_id": "P1", "known_position": page["position"]}, ["B"]),
        ):
            found = (await answer(client, "maintenance", **question))["maintenance"]
            assert [row["consultant_id"] for row in found] == people, question


async def rows(client: httpx.AsyncClient, path: str, member: str, **question: object) -> list[Any]:
    page = await answer(client, path, limit=3, **question)
    found: list[Any] = page[member]
    while page["next"] is not None:
        page = await answer(client, path, limit=3, after=page["next"], **question)
        found += page[member]
    return found


@pytest.mark.parametrize("seed", [3, 7, 21])
async def test_the_present_by_index_is_what_follows_from_the_log(sandbox_database: Database, seed: int) -> None:
    """Of a random history, in pages that end in the middle of people, the same from the read model as from the log."""
    groups = history(seed)
    now = groups[-1][0].recorded_at + timedelta(days=1)
    settings = await followed(sandbox_database, groups, now)
    async with asking(settings) as client:
        moment = {"at": instant_text(now), "known_position": groups[-1][-1].position}
        partners = {row["partner_id"] for row in await rows(client, "partners", "partners")}
        assert await rows(client, "consultants", "consultants")
        for path, member in (
            ("consultants", "consultants"),
            ("consultants?certified=true", "consultants"),
            ("consultants?certified=false&product=S200P", "consultants"),
            ("maintenance", "maintenance"),
            *((f"partners/{partner}/consultants", "consultants") for partner in sorted(partners)),
            *((f"maintenance?partner_id={partner}", "maintenance") for partner in sorted(partners)),
        ):
            assert await rows(client, path, member, **moment) == await rows(client, path, member), path


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("consultants?certified=yes", "certified"),
        ("consultants?after=A", "after"),
        ("consultants?q=", "q"),
        ("partners/P1/consultants?q=A", "q"),
        ("maintenance?after=2022-02-30~CH1~A~S200P", "after"),
        ("maintenance?due_before=soon", "due_before"),
        ("maintenance?product=X", "product"),
    ],
)
async def test_what_cannot_be_asked_is_refused(sandbox_database: Database, path: str, parameter: str) -> None:
    async with asking(settings_for(sandbox_database)) as client:
        response = await ask(client, path)
    assert (response.status_code, response.json()["parameter"]) == (422, parameter)
