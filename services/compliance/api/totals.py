"""How much needs action now: the numbers above the lists."""

from datetime import timedelta
from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, question_docs
from services.compliance.api.query_params import question_of
from services.compliance.api.service import service_of
from services.compliance.historical_answers.as_of import Answer
from services.compliance.historical_answers.queries import FreshQuestion
from services.compliance.policy.calendar import end_of_london_day, london_day
from services.compliance.read_model.totals import count_present
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["lists"])

COUNTED_MAX: Final = 10_000
"""At most so many of each kind are counted."""
SOON: Final = timedelta(days=7)
"""A window closes soon if its last day is today or one of the seven after it."""


class Total(msgspec.Struct, frozen=True):
    """How many there are. `more`: there are others, which are not counted."""

    count: int
    more: bool


class TotalsAnswer(Answer, frozen=True, kw_only=True):
    """How much needs action now, by partner and product.

    `suspended`: may not sell to new customers. `open_windows`: replacement windows that run; `closing_windows`: those
    whose last day is today or in the next seven days. `maintenance_owed`: what people owe, once for each person,
    product and portal change; `maintenance_overdue`: what of it was due before today.
    """

    suspended: Total
    open_windows: Total
    closing_windows: Total
    maintenance_owed: Total
    maintenance_overdue: Total


@router.get("/compliance/v1/totals", **question_docs(FreshQuestion, TotalsAnswer, problems=LIST_PROBLEMS))
@requires(Scope.READ)
async def totals(request: Request) -> Response:
    """How many suspensions, open windows and duties of maintenance there are now, each up to ten thousand."""
    question = question_of(request, FreshQuestion)
    async with service_of(request).present(request, question) as (connection, moment):
        today = london_day(moment.at)
        counted = await count_present(connection, moment.at, end_of_london_day(today + SOON), today, COUNTED_MAX + 1)
    suspended, windows, closing, owed, overdue = map(_total, counted)
    answer = TotalsAnswer(
        **moment.members,
        suspended=suspended,
        open_windows=windows,
        closing_windows=closing,
        maintenance_owed=owed,
        maintenance_overdue=overdue,
    )
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _total(counted: int) -> Total:
    return Total(min(counted, COUNTED_MAX), counted > COUNTED_MAX)
