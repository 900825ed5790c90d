"""Answers about one person: certified or not, portal user or not. Always from the log."""

from datetime import datetime
from typing import Final

import msgspec

from services.compliance.answering.as_of import AS_OF, Answer, moment_and_rows
from services.compliance.answering.queries import ConsultantCertification
from services.compliance.database import Connection
from services.compliance.policy.answers import certification_answer
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.reason import Reason
from services.compliance.read_model.routing import PERSON_ROUTES, routed_facts
from services.compliance.refusals import NeverMentioned

_ROUTED: Final = f"""
    WITH RECURSIVE {AS_OF},
    through AS (SELECT m.position FROM moment m),
    asked AS (SELECT $1::text COLLATE "C" AS consultant_id),
    {PERSON_ROUTES}
    SELECT m.at, m.known_at, m.position, m.head, m.final, m.ahead,
        EXISTS (SELECT FROM certification.stored_events e
                WHERE e.consultant_id = $1 AND e.notification_id <= m.position) AS mentioned,
        r.asked_id, r.notification_id, r.append_position, r.topic, r.state
    FROM moment m LEFT JOIN routed r ON true ORDER BY r.asked_id NULLS FIRST, r.notification_id
"""


class ConsultantAnswer(Answer, frozen=True, kw_only=True):
    """Whether the person is certified for the product, and may use the portal for it."""

    consultant_id: str
    product: str
    certified: bool
    portal_user: bool
    reasons: tuple[Reason, ...]
    next_change_at: datetime | None


async def certification(connection: Connection, question: ConsultantCertification, parameters: Parameters) -> bytes:
    """Whether the person is certified for the product (R4) and may use the portal for it (R1)."""
    consultant_id, product = question.consultant_id, question.product
    _, (moment, rows) = await moment_and_rows(connection, _ROUTED, consultant_id, question.moment)
    if not rows[0]["mentioned"]:
        raise NeverMentioned(f"No fact known by then mentions the consultant {consultant_id}.", "consultant_id")
    routed = (row[7:] for row in rows if row["topic"] is not None)
    facts = routed_facts([consultant_id], routed)[consultant_id]
    found = certification_answer(facts, consultant_id, product, moment.at, parameters)
    answer = ConsultantAnswer(
        **moment._asdict(),
        consultant_id=consultant_id,
        product=product,
        certified=found.certified,
        portal_user=found.portal_user,
        reasons=found.reasons,
        next_change_at=found.next_change_at,
    )
    return msgspec.json.encode(answer)
