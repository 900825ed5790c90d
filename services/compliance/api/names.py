"""What partners and people are called, for lists that hold their ids alone."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import question_docs
from services.compliance.api.query_params import question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.questions import QueryParameter, Question
from services.compliance.read_model.names import consultant_names, partner_names
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["names"])

NAMES_MAX: Final = 200


class NamesQuestion(Question, frozen=True, kw_only=True):
    """Whose names."""

    partner_id: Annotated[tuple[str, ...], QueryParameter("Of these partners.", "id", most=NAMES_MAX)] = ()
    consultant_id: Annotated[tuple[str, ...], QueryParameter("Of these consultants.", "id", most=NAMES_MAX)] = ()


class NamesAnswer(msgspec.Struct, frozen=True):
    """The names by id. An id without a name, or whose name is erased, is left out."""

    partners: dict[str, str]
    consultants: dict[str, str]


@router.get("/compliance/v1/names", **question_docs(NamesQuestion, NamesAnswer))
@requires(Scope.READ)
async def names(request: Request) -> Response:
    """The present names of these partners and consultants. Names are kept in profiles; no fact holds one."""
    question = question_of(request, NamesQuestion)
    async with service_of(request).connection() as connection:
        answer = NamesAnswer(
            await partner_names(connection, question.partner_id) if question.partner_id else {},
            await consultant_names(connection, question.consultant_id) if question.consultant_id else {},
        )
    return Response(msgspec.json.encode(answer), media_type="application/json")
