"""Which facts changed nothing, and why."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import question_docs
from services.compliance.api.query_params import question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.facts_without_effect import FactItem, FactsWithoutEffectAnswer
from services.compliance.historical_answers.questions import FactsWithoutEffect
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["facts"])


@router.get("/compliance/v1/facts-without-effect", **question_docs(FactsWithoutEffect, FactsWithoutEffectAnswer))
@requires(Scope.READ)
@list_of("facts", FactItem)
async def facts_without_effect(request: Request) -> Response:
    """Reported facts that changed nothing by `at`, each with the reason and its rule, in the order of the log.

    A page ends after a number of facts judged, so it can list fewer than `limit`, or none. `next` is null on the last
    page; as `after`, with the same `order`, it goes on with the same list, even if facts were recorded meanwhile.
    """
    question = question_of(request, FactsWithoutEffect)
    about = question.partner_id or question.consultant_id or "facts-without-effect"
    return await service_of(request).derive(request, question, about)
