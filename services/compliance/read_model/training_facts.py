"""The facts that say what a person has done for a certification. No decision about a partner depends on them."""

from collections.abc import Sequence
from typing import Final

from services.compliance.database import Connection
from services.compliance.read_model.routing import routed_facts, topics
from services.web.statements import statements
from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    CourseCompleted,
    ExamRegistered,
    FactVoided,
    RevocationOrdered,
    ScoreCorrected,
)

_SQL: Final = statements(
    __file__,
    of_people=topics(
        AttemptScored,
        CertificationRecognised,
        CourseCompleted,
        ExamRegistered,
        FactVoided,
        RevocationOrdered,
        ScoreCorrected,
    ),
    of_certification=topics(CourseCompleted, ExamRegistered, FactVoided, RevocationOrdered),
    registered=topics(ExamRegistered),
    voided=topics(FactVoided),
    of_registrations=topics(AttemptScored, FactVoided, ScoreCorrected),
)


async def training_facts(connection: Connection, consultant_ids: Sequence[str], through: int) -> dict[str, list[Fact]]:
    """For each of these people its courses, exams, scores, recognitions and revocations, voids included.

    Up to the position `through`, in log order.
    """
    return routed_facts(consultant_ids, await connection.fetch(_SQL["training"], consultant_ids, through))


async def training_for_certification(
    connection: Connection, consultant_ids: Sequence[str], through: int
) -> dict[str, list[Fact]]:
    """The facts among these by which somebody is certified, as `training_of` takes them."""
    rows = await connection.fetch(_SQL["for_certification"], consultant_ids, through)
    return routed_facts(consultant_ids, rows)
