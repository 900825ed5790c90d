"""Answers about one person: certified or not, portal user or not. Always from the log."""

from datetime import datetime

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer, person_as_of
from services.compliance.historical_answers.queries import ConsultantCertification
from services.compliance.policy.answers_from_facts import certification_answer
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.reason import Reason
from services.compliance.read_model.names import consultant_names
from services.compliance.refusals import NeverMentioned


class ConsultantAnswer(Answer, frozen=True, kw_only=True):
    """Whether the person is certified for the product, and may use the portal for it.

    `name`: of the person, as it is called now; null if it is unknown or erased.
    """

    consultant_id: str
    name: str | None
    product: str
    certified: bool
    portal_user: bool
    reasons: tuple[Reason, ...]
    next_change_at: datetime | None


async def certification(connection: Connection, question: ConsultantCertification, parameters: Parameters) -> bytes:
    """Whether the person is certified for the product (R4) and may use the portal for it (R1)."""
    consultant_id, product = question.consultant_id, question.product
    moment, facts = await person_as_of(connection, consultant_id, question.moment, parameters)
    if facts is None:
        raise NeverMentioned(f"No fact known by then mentions the consultant {consultant_id}.", "consultant_id")
    found = certification_answer(facts, consultant_id, product, moment.at, parameters)
    answer = ConsultantAnswer(
        **moment.members,
        consultant_id=consultant_id,
        name=(await consultant_names(connection, [consultant_id])).get(consultant_id),
        product=product,
        certified=found.certified,
        portal_user=found.portal_user,
        reasons=found.reasons,
        next_change_at=moment.next_change(found.next_change_at),
    )
    return msgspec.json.encode(answer)
