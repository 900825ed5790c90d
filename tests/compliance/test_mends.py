"""What mends a standing: how many people, by when, and who of the partner's people is nearest."""

from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg

from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft, ConsultantLinked, CourseCompleted, PartnerEnrolled
from shared.events.wire import instant_text
from tests.compliance.asking import answer, asking
from tests.compliance.log import followed, set_clock
from tests.compliance.seed import BEGIN, DAY, SeedFacts
from tests.compliance.test_consultant_lists import ANNOUNCED, NOW, told
from tests.databases import Database

LOST = datetime(2022, 3, 24, 9, tzinfo=UTC)
JOINS = NOW + 10 * DAY
PATHS = ("partners/P1/compliance/S200P", "partners/P1/authorisations/S200P?customer=new")


def after_the_loss() -> list[tuple[Fact, ...]]:
    """C left P1; H will join it."""
    seed = SeedFacts()
    seed.groups = told()
    seed.tell(LOST, ConsultantLeft("P1", "C"))
    position = seed.head + 1
    return [*seed.groups, (Fact("joins", JOINS, LOST, ConsultantLinked("P1", "H"), position, position),)]


async def mends(client: httpx.AsyncClient, **at: object) -> dict[str, Any] | None:
    """What every answer about P1 says, which is the same."""
    said = [(await answer(client, path, **at))["mends"] for path in PATHS]
    products = (await answer(client, "partners/P1", **at))["products"]
    said += [standing["mends"] for standing in products if standing["product"] == "S200P"]
    assert said == said[:1] * 3
    found: dict[str, Any] | None = said[0]
    return found


async def test_an_answer_says_who_is_nearest_and_what_each_lacks(sandbox_database: Database) -> None:
    """R18: C left. B only needs maintenance, D a pass, E both; F left, and H joins later."""
    settings = await followed(sandbox_database, after_the_loss(), NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        owner.execute("INSERT INTO certification.profile VALUES ('B', 'Bo Lind', 'bo@example.org')")
    expected = {
        "rule": "R18",
        "text": "One counted consultant more by the end of 2022-04-23 (London).",
        "people": 1,
        "by": {"deadline_on": "2022-04-23", "deadline_at": "2022-04-23T23:00:00Z"},
        "nearest": [
            {"consultant_id": "B", "name": "Bo Lind", "lacks": ["maintenance"], "steps": 1},
            {"consultant_id": "D", "name": None, "lacks": ["pass"], "steps": 1},
            {"consultant_id": "E", "name": None, "lacks": ["course", "pass"], "steps": 2},
        ],
        "nearest_omitted": 0,
    }
    async with asking(settings) as client:
        assert await mends(client) == expected
        assert await mends(client, at=instant_text(NOW)) == expected
        assert await mends(client, at=instant_text(LOST - DAY)) is None, "it was compliant"
        before = await mends(client, at=instant_text(ANNOUNCED + 2 * DAY), known_at=instant_text(ANNOUNCED))
        assert before is None, "B, C and F count"
        assert (await answer(client, PATHS[1]))["next_change_at"] == instant_text(JOINS)
        later = await mends(client, at=instant_text(JOINS))
        assert later is not None
        assert [person["consultant_id"] for person in later["nearest"]] == ["B", "D", "E", "H"]
        other = (await answer(client, "partners/P2/compliance/S200P"))["mends"]
        assert (other["rule"], other["people"], other["by"], other["nearest"]) == ("R12", 2, None, [])


async def test_who_is_nearest_is_answered_again_as_it_is_by_then(sandbox_database: Database) -> None:
    """Asked once, then after a name came and went, after the clock ran, and after a further fact."""
    settings = await followed(sandbox_database, after_the_loss(), NOW)
    async with asking(settings) as client:

        async def nearest() -> dict[str, tuple[str | None, list[str]]]:
            found = await mends(client)
            assert found is not None
            assert found == await mends(client), "asked again"
            return {person["consultant_id"]: (person["name"], person["lacks"]) for person in found["nearest"]}

        assert await nearest() == {
            "B": (None, ["maintenance"]),
            "D": (None, ["pass"]),
            "E": (None, ["course", "pass"]),
        }
        with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
            owner.execute("INSERT INTO certification.profile VALUES ('D', 'Di Moss', 'di@example.org')")
            assert (await nearest())["D"] == ("Di Moss", ["pass"])
            owner.execute("DELETE FROM certification.profile")
            assert (await nearest())["D"] == (None, ["pass"])
        set_clock(sandbox_database, JOINS)
        assert list(await nearest()) == ["B", "D", "E", "H"]
        position = after_the_loss()[-1][-1].position + 1
        course = Fact("course", JOINS, JOINS, CourseCompleted("E", "S200P"), position, position)
        await followed(sandbox_database, [(course,)], JOINS)
        assert (await nearest())["E"] == (None, ["pass"])


async def test_of_very_many_people_the_most_promising_are_asked(sandbox_database: Database) -> None:
    """Each of three hundred is linked; two did the course, of whom one lies beyond the people looked at."""
    seed = SeedFacts()
    seed.tell(BEGIN, PartnerEnrolled("P1", "DEVELOPER", "PARTNER_SUCCESS"))
    seed.tell(BEGIN, *(ConsultantLinked("P1", f"C{number:03}") for number in range(300)))
    for person in ("C170", "C250"):
        seed.tell(BEGIN + DAY, CourseCompleted(person, "S200P"))
    settings = await followed(sandbox_database, seed.groups, NOW)
    async with asking(settings) as client:
        for at in ({}, {"at": instant_text(NOW)}):
            found = await mends(client, **at)
            assert found is not None
            assert [(person["consultant_id"], person["steps"]) for person in found["nearest"]] == [
                ("C170", 1),
                *((f"C{number:03}", 2) for number in range(4)),
            ]
            assert (found["people"], found["nearest_omitted"]) == (1, 195)
