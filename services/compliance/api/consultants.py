"""Questions about one person: certified or not, portal user or not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg
import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.documented import answers_with, asks
from services.compliance.api.moment import MOMENT, Answer, Moment, moment_and_rows
from services.compliance.api.problems import NeverMentioned
from services.compliance.api.question import Id, Question, question_of
from services.compliance.api.service import service_of
from services.compliance.database import Connection
from services.compliance.policy.answers import certification_answer
from services.compliance.policy.standing import Reason
from services.compliance.read_model.fact_log import PERSON_ROUTES, routed_facts
from services.products import Product

router: Final = APIRouter(tags=["consultants"])

_ROUTED: Final = f"""
    WITH RECURSIVE {MOMENT},
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


@router.get(
    "/compliance/v1/consultants/{consultant_id}/certifications/{product}",
    openapi_extra=asks(Question),
    responses=answers_with(ConsultantAnswer),
)
async def certification(request: Request, consultant_id: Id, product: Product) -> Response:
    """Whether the person is certified for the product (R4) and may use the portal for it (R1)."""
    question = question_of(request, Question)
    service = service_of(request)
    service.sold(product)

    async def look(connection: Connection) -> tuple[int, tuple[Moment, Sequence[asyncpg.Record]]]:
        return await moment_and_rows(connection, _ROUTED, consultant_id, question)

    moment, rows = await service.look(question, look)
    if not rows[0]["mentioned"]:
        raise NeverMentioned(f"No fact known by then mentions the consultant {consultant_id}.", "consultant_id")
    routed = (row[7:] for row in rows if row["topic"] is not None)
    facts = routed_facts([consultant_id], routed)[consultant_id]
    found = certification_answer(facts, consultant_id, product, moment.at, service.parameters)
    answer = ConsultantAnswer(
        **moment._asdict(),
        consultant_id=consultant_id,
        product=product,
        certified=found.certified,
        portal_user=found.portal_user,
        reasons=found.reasons,
        next_change_at=found.next_change_at,
    )
    return Response(msgspec.json.encode(answer), media_type="application/json")
