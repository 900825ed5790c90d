"""Lists of people: who is certified, what the others lack, and the maintenance that is owed. In pages.

A page of the present comes from the read model. The processes that replay history answer for any other moment, and make
the long pages.
"""

from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, question_docs
from services.compliance.api.query_params import Id, question_of
from services.compliance.api.service import held_for, service_of
from services.compliance.database import Connection
from services.compliance.historical_answers.consultant_lists import (
    ConsultantItem,
    ConsultantsAnswer,
    consultants_at_hand,
)
from services.compliance.historical_answers.maintenance_list import (
    MaintenanceAnswer,
    MaintenanceItem,
    present_maintenance,
)
from services.compliance.historical_answers.questions import ConsultantsList, ConsultantsOfPartner, MaintenanceList
from services.compliance.read_model.training_cache import TrainingCache
from services.web.lists_as_csv import list_of
from services.web.media_types import JSON
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["lists"])

_PEOPLE: Final = "people"
"""The queue key of questions about all people: questions with one key take turns."""
_AT_HAND_MAX: Final = 100
"""The most rows of a page that the event loop makes itself: two milliseconds of work."""


@router.get("/compliance/v1/consultants", **question_docs(ConsultantsList, ConsultantsAnswer, problems=LIST_PROBLEMS))
@requires(Scope.READ)
@list_of("consultants", ConsultantItem, live=True)
async def consultants(request: Request) -> Response:
    """Everybody whom a fact names, by product: since when they are certified, or what they lack.

    A person who was never linked to a partner is listed, too: a mistyped id shows here. In order of the
    ids of people and products. Send `next` as `after` to get the next page; it is null on the last.
    """
    return await _answered(request, question_of(request, ConsultantsList, held=held_for(request)))


@router.get(
    "/compliance/v1/partners/{partner_id}/consultants", **question_docs(ConsultantsOfPartner, ConsultantsAnswer)
)
@requires(Scope.READ)
@list_of("consultants", ConsultantItem, live=True)
async def consultants_of_partner(request: Request, partner_id: Id) -> Response:
    """Everybody who is linked to the partner, by product: since when they are certified, or what they lack.

    A person who is linked elsewhere, too, counts for one partner only (R23): `partner_id` says for which.
    """
    question = question_of(request, ConsultantsOfPartner, partner_id=partner_id, held=held_for(request))
    return await _answered(request, question)


@router.get("/compliance/v1/maintenance", **question_docs(MaintenanceList, MaintenanceAnswer, problems=LIST_PROBLEMS))
@requires(Scope.READ)
@list_of("maintenance", MaintenanceItem, live=True)
async def maintenance(request: Request) -> Response:
    """The maintenance that people owe (R25): announced, not complete, and not replaced by a newer grant.

    By due day, portal change, person and product. What is overdue has cost the certification (R26), and finishing it
    restores it. Send `next` as `after` to get the next page; it is null on the last.
    """
    question = question_of(request, MaintenanceList, held=held_for(request))
    if question.due_from is not None:
        question = msgspec.structs.replace(question, after=max(question.after, (question.due_from, "", "", "")))
    return await _answered(request, question)


async def _answered(request: Request, question: ConsultantsOfPartner | MaintenanceList) -> Response:
    """Answers a question about the present once the projection has reached its `min_position`.

    For any other moment, only the log has to have reached it.
    """
    service = service_of(request)
    if question.live:
        await service.applied(question)
    if question.live and question.limit <= _AT_HAND_MAX and question.held is None:
        async with service.list_connection() as connection:
            page = await _at_hand(connection, question, service.training)
        if page is not None:
            return Response(page, media_type=JSON)
    return await service.derive(request, question, question.partner_id or _PEOPLE)


async def _at_hand(
    connection: Connection, question: ConsultantsOfPartner | MaintenanceList, training: TrainingCache
) -> bytes | None:
    """The page of the present if it is little work; None: a process that replays history has to make it."""
    if isinstance(question, MaintenanceList):
        return await present_maintenance(connection, question)
    return await consultants_at_hand(connection, question, training)
