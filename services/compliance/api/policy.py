"""The policy in force (R39)."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, question_docs
from services.compliance.api.query_params import derived
from services.compliance.historical_answers.policy import PolicyAnswer
from services.compliance.historical_answers.questions import PolicyQuestion
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["policy"])


@router.get("/compliance/v1/policy", **question_docs(PolicyQuestion, PolicyAnswer, problems=LIST_PROBLEMS))
@requires(Scope.READ)
async def policy(request: Request) -> Response:
    """The policy in force at `at`, which may lie in the future, as known at `known_at` (R39)."""
    return await derived(request, PolicyQuestion, "")
