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

_OF_CERTIFICATION: Final = (CourseCompleted, ExamRegistered, FactVoided, RevocationOrdered)
_SQL: Final = statements(
    __file__, registered=topics(ExamRegistered), of_registrations=topics(AttemptScored, FactVoided, ScoreCorrected)
)["training"]
_TRAINING: Final = _SQL.format(
    of_people=topics(*_OF_CERTIFICATION, AttemptScored, CertificationRecognised, ScoreCorrected), only="", also=""
)
# Without facts for a portal change, recognitions, and scores of other registrations: half as much is read.
_FOR_CERTIFICATION: Final = _SQL.format(
    of_people=topics(*_OF_CERTIFICATION),
    only=""" AND position('"portal_change_id":"'::bytea IN e.state) = 0""",
    also=f"e.topic <> {topics(FactVoided)} OR ",
)


async def training_facts(connection: Connection, consultant_ids: Sequence[str], through: int) -> dict[str, list[Fact]]:
    """For each of these people its courses, exams, scores, recognitions and revocations, voids included.

    Up to the position `through`, in log order.
    """
    return routed_facts(consultant_ids, await connection.fetch(_TRAINING, consultant_ids, through))


async def training_for_certification(
    connection: Connection, consultant_ids: Sequence[str], through: int
) -> dict[str, list[Fact]]:
    """The facts among these by which somebody is certified, as `training_of` takes them."""
    return routed_facts(consultant_ids, await connection.fetch(_FOR_CERTIFICATION, consultant_ids, through))
