"""Which facts changed nothing, and why."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import query_parameters, response_docs
from services.compliance.api.query_params import FactsWithoutEffectQuestion, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.facts_without_effect import FactItem, FactsWithoutEffectAnswer
from services.compliance.historical_answers.queries import FactsWithoutEffect
from services.web.list_tables import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["facts"])

_EVERYTHING: Final = "facts-without-effect"
"""What a question without an id is about, where questions take turns by what they are about."""


@router.get(
    "/compliance/v1/facts-without-effect",
    openapi_extra=query_parameters(FactsWithoutEffectQuestion),
    responses=response_docs(FactsWithoutEffectAnswer),
)
@requires(Scope.READ)
@list_of("facts", FactItem)
async def facts_without_effect(request: Request) -> Response:
    """Reported facts that changed nothing by `at`, in log order, each with the reason and its rule.

    A page ends after a number of facts judged, so it can list fewer than `limit`, or none. `next` is null on the last
    page; as `after` it goes on with the same list, though facts were recorded meanwhile.
    """
    question = question_of(request, FactsWithoutEffectQuestion)
    derived = FactsWithoutEffect(
        moment=question.moment,
        partner_id=question.partner_id,
        consultant_id=question.consultant_id,
        reason=question.reason,
        after=question.after,
        limit=question.limit,
    )
    about = question.partner_id or question.consultant_id or _EVERYTHING
    return await service_of(request).derive(request, question, about, derived)
