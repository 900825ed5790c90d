"""The timeline of a partner: what its people did for their certifications, voided or not, and its pages."""

from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest

from services.compliance.settings import ComplianceSettings
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    FactData,
    FactVoided,
    PartnerEnrolled,
    RevocationOrdered,
    ScoreCorrected,
)
from shared.events.wire import instant_text
from tests.compliance import two_partners
from tests.compliance.asking import answer, ask, asking
from tests.compliance.log import Log, followed
from tests.compliance.seed import BEGIN, SeedFacts
from tests.compliance.test_consultant_lists import NOW
from tests.databases import Database

HOUR = timedelta(hours=1)
PRESENT = instant_text(two_partners.NOW)


async def test_courses_exams_scores_and_corrections_are_in_the_timeline_of_every_partner_of_the_person(
    sandbox_database: Database,
) -> None:
    """R33: voided or not. A score may come before its registration; what others did is elsewhere."""
    seed = SeedFacts()
    seed.tell(BEGIN, PartnerEnrolled("P1", "VAR", "PARTNER_SUCCESS"), ConsultantLinked("P1", "A"))
    others = (ConsultantLinked("P2", "Z"), CourseCompleted("Z", "S200P"), ExamRegistered("R9", "Z", "S200P"))
    seed.tell(BEGIN, *others, AttemptScored("R9", 1, "90"))
    told: list[FactData] = [
        CourseCompleted("A", "S200P"),
        AttemptScored("R1", 1, "70"),
        ExamRegistered("R1", "A", "S200P"),
        ScoreCorrected("R1", 1, "79"),
        AttemptScored("R1", 2, "60"),
    ]
    for number, data in enumerate(told, start=1):
        seed.tell(BEGIN + number * HOUR, data)
    scored = f"f{seed.head}"
    seed.tell(BEGIN + 6 * HOUR, FactVoided(scored))
    seed.tell(BEGIN + 7 * HOUR, CertificationRecognised("A", "S200P"))
    seed.tell(BEGIN + 8 * HOUR, RevocationOrdered("A", "S200P"))
    settings = await followed(sandbox_database, seed.groups, NOW)
    async with asking(settings) as client:
        entries = (await answer(client, "partners/P1/timeline"))["entries"]
        short = await answer(client, "partners/P1/timeline", limit=4)
        rest = await answer(client, "partners/P1/timeline", after=short["next"])
        assert short["entries"] + rest["entries"] == entries
    facts = [entry for entry in entries if entry["kind"] == "fact"][2:]
    assert [fact["type"].rpartition("cloud.")[2] for fact in facts] == [
        "course-completed.v1",
        "attempt-scored.v1",
        "exam-registered.v1",
        "score-corrected.v1",
        "attempt-scored.v1",
        "fact-voided.v1",
        "certification-recognised.v1",
        "revocation-ordered.v1",
    ]
    void = facts[5]["fact_id"]
    assert [fact["voided_by"] for fact in facts] == [None, None, None, None, void, None, None, None]
    assert facts[1]["data"] == {"registration_id": "R1", "attempt": 1, "score": "70"}


@pytest.fixture
async def settings(sandbox_database: Database) -> ComplianceSettings:
    return await followed(sandbox_database, two_partners.told().groups, two_partners.NOW)


async def pages(client: httpx.AsyncClient, limit: int, **moment: str) -> list[dict[str, Any]]:
    """The entries of a timeline, page by page."""
    found = await answer(client, "partners/P1/timeline", limit=limit, **moment)
    entries = found["entries"]
    while found["next"] is not None:
        assert len(found["entries"]) == limit
        found = await answer(client, "partners/P1/timeline", limit=limit, after=found["next"], **moment)
        entries += found["entries"]
    return list(entries)


@pytest.mark.parametrize("moment", [{}, {"at": PRESENT}, {"known_at": PRESENT}])
async def test_the_pages_of_a_timeline_joined_are_the_whole(
    settings: ComplianceSettings, moment: dict[str, str]
) -> None:
    async with asking(settings) as client:
        whole = (await answer(client, "partners/P1/timeline", limit=1000, **moment))["entries"]
        assert {entry["kind"] for entry in whole} == {"fact", "notice", "window", "suspension"}
        for limit in (1, 2, len(whole) - 1, len(whole)):
            assert await pages(client, limit, **moment) == whole


async def test_the_pages_of_a_timeline_are_of_one_list_though_facts_come_between(
    settings: ComplianceSettings, sandbox_database: Database
) -> None:
    async with asking(settings) as client:
        whole = (await answer(client, "partners/P1/timeline"))["entries"]
        first = await answer(client, "partners/P1/timeline", limit=3)
        later = two_partners.told()
        written = len(later.groups)
        later.tell(BEGIN + timedelta(days=3), ConsultantLeft("P1", "P1-A"))
        with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
            Log(owner).write(later.groups[written:])
        assert (await answer(client, "partners/P1/timeline"))["entries"] != whole
        rest = await answer(client, "partners/P1/timeline", after=first["next"])
        assert first["entries"] + rest["entries"] == whole
        assert rest["position"] == first["position"]


@pytest.mark.parametrize("after", ["x", "", "2022-01-01T00:00:00Z~1~2022-99-01T00:00:00Z~0~1~", "9" * 5000])
async def test_a_place_in_a_timeline_that_no_page_has_is_refused(settings: ComplianceSettings, after: str) -> None:
    async with asking(settings) as client:
        response = await ask(client, "partners/P1/timeline", after=after)
        assert (response.status_code, response.json()["parameter"]) == (422, "after")
