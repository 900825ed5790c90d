"""What facts would change before they are recorded. Nothing is recorded here."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from services.compliance.api.hypothetical_fact_fields import HypotheticalFactBody
from services.compliance.api.openapi import response_docs
from services.compliance.api.query_params import WrittenId
from services.compliance.api.service import service_of
from services.compliance.historical_answers.previews import PreviewAnswer
from services.compliance.historical_answers.questions import Preview
from services.compliance.refusals import NeverRecordedSo
from services.web.field_errors import ERRORS_MAX
from services.web.input_parsing import Body, reject_duplicate_keys
from services.web.refusal import FieldError
from services.web.scopes import Scope, requires
from services.web.sold_products import require_sold

FACTS_MAX: Final = 200
PARTNERS_MAX: Final = 50

router: Final = APIRouter(tags=["previews"], dependencies=[Depends(reject_duplicate_keys)])
_PROBLEMS: Final = {422: "Malformed or not acceptable; `errors` names every part.", 503: "Too many questions wait."}


class PreviewBody(Body):
    """The facts in the order in which they would be recorded, and a page of the partners that they concern.

    `after`: the `next` of the page before. `limit`: how many partners a page compares at most.
    """

    facts: Annotated[list[HypotheticalFactBody], Field(min_length=1, max_length=FACTS_MAX)]
    after: WrittenId | None = None
    limit: Annotated[int, Field(ge=1, le=PARTNERS_MAX)] = 20


@router.post("/compliance/v1/previews", responses=response_docs(PreviewAnswer, problems=_PROBLEMS))
@requires(Scope.READ)
async def preview(request: Request, body: PreviewBody) -> Response:
    """Which answers and announcements would change, and for whom, if these facts were recorded now.

    Give the facts that a batch of the certification service shows with `validate_only` and `show_facts`. That batch
    says whether reports would be accepted, and which facts they would become, decisions included.
    """
    service = service_of(request)
    _refuse_what_is_never_recorded(body.facts)
    for fact in body.facts:
        require_sold(fact.products, service.parameters.products, "facts")
    about = next((text for fact in body.facts for text in _named(fact)), "")
    asked = Preview(facts=tuple(fact.question for fact in body.facts), after=body.after or "", limit=body.limit)
    return await service.derive(request, asked, about)


def _refuse_what_is_never_recorded(facts: list[HypotheticalFactBody]) -> None:
    """Raises `NeverRecordedSo`, with the first hundred facts at fault."""
    faults = [(f"facts.{index}", fact.fault) for index, fact in enumerate(facts)]
    errors = tuple(FieldError("body", place, fault) for place, fault in faults if fault is not None)[:ERRORS_MAX]
    if not errors and len({fact.fact_id for fact in facts}) < len(facts):
        errors = (FieldError("body", "facts", "each fact has an id of its own"),)
    if errors:
        raise NeverRecordedSo(f"In {errors[0].parameter}: {errors[0].expected}.", errors[0].parameter, errors=errors)


def _named(fact: HypotheticalFactBody) -> tuple[str, ...]:
    """The partner or person that it names: questions about one id take turns."""
    data = fact.fact_data()
    named = getattr(data, "partner_id", None), getattr(data, "consultant_id", None)
    return tuple(text for text in named if text is not None)
