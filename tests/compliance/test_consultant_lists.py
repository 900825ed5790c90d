"""Lists of people and of maintenance that is owed: the present, by index, and any other moment, from the log."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import httpx
import psycopg
import pytest

from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from services.compliance.read_model import names
from shared.events.compliance_events import Outcome, Status
from shared.events.facts import (
    AttemptScored,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    FactVoided,
    MaintenanceCompleted,
    PartnerEnrolled,
    Period,
    PortalChangeDeclared,
    ScoreCorrected,
)
from shared.events.wire import instant_text
from tests.compliance.asking import answer, ask, asking
from tests.compliance.log import OURS, Group, Log, as_follower, followed, set_clock, settings_for
from tests.compliance.seed import BEGIN, DAY, SeedFacts
from tests.compliance.test_projection import history
from tests.databases import Database

NOW = datetime(2022, 3, 25, 9, tzinfo=UTC)
ANNOUNCED = BEGIN + 10 * DAY
"""Of CH1, due on the first of March."""


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


async def test_a_list_takes_in_each_further_course_and_score(sandbox_database: Database) -> None:
    """Of E, whose attempt failed. What was listed before is kept only while no further fact names the person."""
    seed = SeedFacts()
    seed.groups = told()
    known = len(seed.groups)
    seed.tell(NOW, CourseCompleted("E", "S200P"))
    course = seed.head
    seed.tell(NOW, ScoreCorrected("R1", 1, "80.00"))
    seed.tell(NOW, FactVoided(f"f{course}"))
    settings = settings_for(sandbox_database)
    set_clock(sandbox_database, NOW)
    connection = await connect(as_follower(settings))
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        log = Log(owner)
        log.write(seed.groups[:known])
        await Projector(connection, OURS, "test").advance_fully(NOW)
        async with asking(settings) as client:

            async def lacked() -> list[str]:
                page = await answer(client, "consultants", product="S200P", certified="false")
                return next(row["lacks"] for row in page["consultants"] if row["consultant_id"] == "E")

            assert await lacked() == ["course", "pass"]
            for group, lacks in zip(seed.groups[known:], (["pass"], [], ["course"]), strict=True):
                log.write([group])
                await Projector(connection, OURS, "test").advance_fully(NOW)
                assert await lacked() == lacks
                assert await lacked() == lacks
    await connection.close()


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
            ({"due_from": "2022-03-02"}, []),
            ({"due_from": "2022-03-01", "due_before": "2022-03-02"}, ["B", "F"]),
            ({"portal_change_id": "CH2"}, []),
            ({"partner_id": "P1"}, ["B"]),
            ({"partner_id": "P1", "known_position": page["position"]}, ["B"]),
        ):
            found = (await answer(client, "maintenance", **question))["maintenance"]
            assert [row["consultant_id"] for row in found] == people, question


async def test_a_further_portal_change_leaves_the_maintenance_for_others_as_it_is(sandbox_database: Database) -> None:
    seed = SeedFacts()
    seed.groups = told()
    until = datetime(2022, 5, 1, tzinfo=UTC).date()
    seed.tell(NOW, PortalChangeDeclared("CH2", ("S200P",), True, until, "another change"))
    seed.tell(NOW, FactVoided(seed.groups[-1][0].fact_id))
    *before, announced, voided = seed.groups
    settings = settings_for(sandbox_database)
    set_clock(sandbox_database, NOW + DAY)
    connection = await connect(as_follower(settings))
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        log = Log(owner)
        first = [("CH1", "B"), ("CH1", "F")]
        further = [("CH2", person) for person in "ABCF"]
        for coming, expected in ((before, first), ([announced], first + further), ([voided], first)):
            log.write(coming)
            await Projector(connection, OURS, "test").advance_fully(NOW)
            async with asking(settings) as client:
                owed = (await answer(client, "maintenance"))["maintenance"]
            assert [(row["portal_change_id"], row["consultant_id"]) for row in owed] == expected
    await connection.close()


def told_of_strangers() -> list[Group]:
    """A is of P1. Of no partner: who is certified, has the course, is registered, or was registered in error."""
    seed = SeedFacts()
    seed.tell(BEGIN, PartnerEnrolled("P1", "VAR", "PARTNER_SUCCESS"))
    seed.tell(BEGIN, ConsultantLinked("P1", "A"))
    for person in ("A", "A-certified"):
        seed.certified(BEGIN, person)
    seed.tell(BEGIN, CourseCompleted("A-course", "S200P"))
    seed.tell(BEGIN, ExamRegistered("R1", "A-registered", "S200P"))
    seed.tell(BEGIN, ExamRegistered("R2", "A-voided", "S200P"))
    voided = seed.head
    seed.tell(BEGIN + DAY, FactVoided(f"f{voided}"))
    return seed.groups


async def test_who_was_never_linked_to_a_partner_is_listed_while_a_fact_stands(sandbox_database: Database) -> None:
    """As a typing error in the id of A would have it: certified and registered, and of no partner."""
    settings = await followed(sandbox_database, told_of_strangers(), NOW)
    strangers = ["A-certified", "A-course", "A-registered"]
    async with asking(settings) as client:
        for at in ({}, {"at": instant_text(NOW), "known_position": told_of_strangers()[-1][-1].position}):
            page = await answer(client, "consultants", product="S200P", **at)
            assert shown(page) == {
                "A": ("P1", instant_text(BEGIN), None),
                "A-certified": (None, instant_text(BEGIN), None),
                "A-course": (None, None, "pass", None),
                "A-registered": (None, None, "course", "pass", None),
            }
            for question, expected in (
                ({}, ["A", *strangers]),
                ({"q": "a-"}, strangers),
                ({"q": "a-vo"}, []),
                ({"certified": "true", "product": "S200P"}, ["A", "A-certified"]),
                ({"certified": "false", "product": "S200P"}, strangers[1:]),
                ({"partner_id": "P1"}, ["A"]),
            ):
                whole = await rows(client, "consultants", "consultants", limit=100, **question, **at)
                assert list(dict.fromkeys(row["consultant_id"] for row in whole)) == expected, question
                for limit in (1, 3):
                    assert await rows(client, "consultants", "consultants", limit=limit, **question, **at) == whole
        for person in strangers:
            said = await answer(client, f"consultants/{person}/certifications/S200P")
            assert said["certified"] is (person == "A-certified")
        before = await answer(client, "consultants", product="S200P", known_at=instant_text(BEGIN))
        assert list(shown(before)) == ["A", *strangers, "A-voided"]


async def rows(client: httpx.AsyncClient, path: str, member: str, **question: object) -> list[Any]:
    asked = {"limit": 3, **question}
    page = await answer(client, path, **asked)
    found: list[Any] = page[member]
    while page["next"] is not None:
        page = await answer(client, path, after=page["next"], **asked)
        found += page[member]
    return found


LISTS = (
    "partners?product=S200P",
    *(f"partners?status={status}" for status in get_args(Status)),
    "partners?status=suspended&status=in_window&status=compliant",
    *(f"windows?status={outcome}" for outcome in get_args(Outcome)),
    "windows",
    "consultants",
    "consultants?certified=true",
    "consultants?certified=false&product=S200P",
    "maintenance",
    "maintenance?product=S200P",
    "maintenance?portal_change_id=CH1",
    "maintenance?portal_change_id=CH2",
    "partners?q=1",
    "partners?q=p&status=suspended&status=in_window&product=S200P",
    "consultants?q=1",
    "consultants?q=b&certified=false",
)


def told_of_windows() -> list[Group]:
    """Of one partner each a window was closed in time, was closed late, expired, or runs; then all lapse."""
    seed = SeedFacts()
    for number in range(5):
        seed.var(BEGIN, f"P{number}")
    for number in (0, 1):
        seed.certified(BEGIN, f"P{number}-C")
    for day, fact in (
        (1, ConsultantLeft("P0", "P0-B")),
        (2, ConsultantLeft("P1", "P1-B")),
        (5, ConsultantLeft("P2", "P2-B")),
        (10, ConsultantLinked("P0", "P0-C")),
        (45, ConsultantLinked("P1", "P1-C")),
        (60, ConsultantLeft("P3", "P3-B")),
        (70, PortalChangeDeclared("CH1", ("S200P",), True, (BEGIN + 90 * DAY).date(), "a change")),
    ):
        seed.tell(BEGIN + day * DAY, fact)
    return seed.groups


@pytest.mark.parametrize("seed", [3, 7, pytest.param(None, id="windows")])
async def test_the_present_by_index_is_what_follows_from_the_log(
    sandbox_database: Database, seed: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a random history, or one of windows, in pages that end in the middle of people.

    A search looks at few rows before it asks an index. The same from the read model as from the log, also when what
    lay ahead has begun since, and no timer has fired.
    """
    monkeypatch.setattr(names, "_SAMPLE_MIN", 1)
    groups = told_of_windows() if seed is None else history(seed)
    now = groups[-1][0].recorded_at + timedelta(days=1)
    settings = await followed(sandbox_database, groups, now)
    with psycopg.connect(sandbox_database.owner_url) as owner:
        for table, instant in (("standing", "valid_from"), ("replacement_window", "opened_at")):
            marked = owner.execute(f"SELECT bool_and(ahead = ({instant} > %s)) FROM compliance.{table}".encode(), [now])
            assert marked.fetchone() != (False,), table
    async with asking(settings) as client:
        partners = sorted({row["partner_id"] for row in await rows(client, "partners", "partners")})
        of_partners = [f"partners/{partner}/consultants" for partner in partners]
        of_partners += [f"maintenance?partner_id={partner}" for partner in partners]
        assert await rows(client, "consultants", "consultants")
        outcomes = {row["outcome"] for row in await rows(client, "windows", "windows")}
        assert seed is not None or outcomes == {"open", "closed", "closed_late", "expired"}
        for days, paths in ((0, (*LISTS, *of_partners)), (45, LISTS), (400, LISTS)):
            set_clock(sandbox_database, now + days * DAY)
            moment = {"at": instant_text(now + days * DAY), "known_position": groups[-1][-1].position}
            for path in paths:
                member = path.partition("?")[0].rpartition("/")[2]
                assert await rows(client, path, member) == await rows(client, path, member, **moment), (days, path)


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("consultants?certified=yes", "certified"),
        ("consultants?after=A", "after"),
        ("consultants?q=", "q"),
        ("partners/P1/consultants?q=A", "q"),
        ("maintenance?after=2022-02-30~CH1~A~S200P", "after"),
        ("maintenance?due_before=soon", "due_before"),
        ("maintenance?due_from=soon", "due_from"),
        ("maintenance?product=X", "product"),
    ],
)
async def test_what_cannot_be_asked_is_refused(sandbox_database: Database, path: str, parameter: str) -> None:
    async with asking(settings_for(sandbox_database)) as client:
        response = await ask(client, path)
    assert (response.status_code, response.json()["parameter"]) == (422, parameter)
