"""The timeline of a partner: what its people did for their certifications, voided or not."""

from datetime import timedelta

from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    FactData,
    FactVoided,
    PartnerEnrolled,
    RevocationOrdered,
    ScoreCorrected,
)
from tests.compliance.asking import answer, asking
from tests.compliance.seed import BEGIN, SeedFacts
from tests.compliance.test_consultant_lists import NOW, followed
from tests.databases import Database

HOUR = timedelta(hours=1)


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
