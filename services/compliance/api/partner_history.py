"""What became of one partner: everything in order, the data of its picture, and a moment beside the present."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import question_docs
from services.compliance.api.query_params import Id, derived
from services.compliance.historical_answers.partner_comparison import PartnerComparisonAnswer
from services.compliance.historical_answers.questions import PartnerComparison, PartnerStandings, PartnerTimeline
from services.compliance.historical_answers.standing_history import StandingsAnswer
from services.compliance.historical_answers.timeline import TimelineAnswer
from services.compliance.policy.standing_history import StandingSpan
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["partners"])


@router.get("/compliance/v1/partners/{partner_id}/timeline", **question_docs(PartnerTimeline, TimelineAnswer))
@requires(Scope.READ)
@list_of("entries", ("kind", "at"), rest="details")
async def timeline(request: Request, partner_id: Id) -> Response:
    """Every fact, notice, window and suspension of the partner up to `at`, in the order in which they were true.

    The facts are those that name the partner, and the courses, exams, scores, corrections, recognitions, revocations,
    grants and maintenance completions of the people who were ever linked to it. Voided facts (`voided_by`) and their
    voids are there, too. Send `next` as `after` to go on with the same list, even if facts were recorded meanwhile. It
    is null on the last page.
    """
    return await derived(request, PartnerTimeline, partner_id, partner_id=partner_id)


@router.get("/compliance/v1/partners/{partner_id}/standings", **question_docs(PartnerStandings, StandingsAnswer))
@requires(Scope.READ)
@list_of("standings", StandingSpan, pages=False)
async def standings(request: Request, partner_id: Id) -> Response:
    """Status, headcount and minimum of each product over time, and when each person was linked and counted."""
    return await derived(request, PartnerStandings, partner_id, partner_id=partner_id)


@router.get(
    "/compliance/v1/partners/{partner_id}/comparison", **question_docs(PartnerComparison, PartnerComparisonAnswer)
)
@requires(Scope.READ)
async def comparison(request: Request, partner_id: Id) -> Response:
    """How the partner stands at a moment, at the same instant as known now, and now; and what happened since."""
    return await derived(request, PartnerComparison, partner_id, partner_id=partner_id)
