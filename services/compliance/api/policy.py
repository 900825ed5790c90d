"""The policy in force (R39)."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, query_parameters, response_docs
from services.compliance.api.query_params import AsOfQuery, question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.policy import PolicyAnswer
from services.compliance.historical_answers.queries import PolicyQuestion
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["policy"])

_POLICY: Final = ""
"""What the question is about, where questions take turns by what they are about."""


@router.get(
    "/compliance/v1/policy",
    openapi_extra=query_parameters(AsOfQuery),
    responses=response_docs(PolicyAnswer, problems=LIST_PROBLEMS),
)
@requires(Scope.READ)
async def policy(request: Request) -> Response:
    """The policy in force at `at`, which may lie in the future, as known at `known_at` (R39)."""
    question = question_of(request, AsOfQuery)
    derived = PolicyQuestion(moment=question.moment)
    return await service_of(request).derive(request, question, _POLICY, derived)
