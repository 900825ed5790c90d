"""How much needs action now: the numbers above the lists."""

from datetime import date, datetime, timedelta
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.openapi import LIST_PROBLEMS, question_docs
from services.compliance.api.query_params import question_of
from services.compliance.api.service import service_of
from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import Answer
from services.compliance.historical_answers.lists import PartnerItem, WindowItem, partner_item
from services.compliance.historical_answers.maintenance_list import MaintenanceItem, maintenance_at
from services.compliance.historical_answers.questions import BEFORE_ALL, FreshQuestion, whole_number
from services.compliance.policy.calendar import end_of_london_day, london_day
from services.compliance.read_model.list_queries import present_suspensions, present_windows
from services.compliance.read_model.totals import count_present
from services.web.scopes import Scope, requires

router: Final = APIRouter(tags=["lists"])

COUNTED_MAX: Final = 10_000
"""At most so many of each kind are counted."""
SOON: Final = timedelta(days=7)
"""A window closes soon if its last day is today or one of the seven after it."""
FIRST_MAX: Final = 50


class TotalsQuestion(FreshQuestion, frozen=True, kw_only=True):
    """Of what the first rows are shown, too."""

    first: Annotated[int, whole_number("How many of the first of each kind are shown, too.", 0, FIRST_MAX)] = 0


class Total(msgspec.Struct, frozen=True):
    """How many there are. `more`: there are others, which are not counted."""

    count: int
    more: bool


class FirstRows(msgspec.Struct, frozen=True):
    """The first rows of each kind, as the lists show them: the latest suspensions, the windows that end soonest.

    `maintenance_due`: what is due soonest, from today on. `maintenance_overdue`: what was due first before today.
    """

    suspensions: tuple[PartnerItem, ...]
    windows: tuple[WindowItem, ...]
    maintenance_due: tuple[MaintenanceItem, ...]
    maintenance_overdue: tuple[MaintenanceItem, ...]


class TotalsAnswer(Answer, frozen=True, kw_only=True):
    """How much needs action now, by partner and product.

    `suspended`: may not sell to new customers. `open_windows`: replacement windows that run; `closing_windows`: those
    whose last day is today or in the next seven days. `maintenance_owed`: what people owe, once for each person,
    product and portal change; `maintenance_overdue`: what of it was due before today. `first`: null unless asked for.
    """

    suspended: Total
    open_windows: Total
    closing_windows: Total
    maintenance_owed: Total
    maintenance_overdue: Total
    first: FirstRows | None


@router.get("/compliance/v1/totals", **question_docs(TotalsQuestion, TotalsAnswer, problems=LIST_PROBLEMS))
@requires(Scope.READ)
async def totals(request: Request) -> Response:
    """How many suspensions, open windows and duties of maintenance there are now, each up to ten thousand.

    With `first` it also answers the first rows of each, as of the same moment.
    """
    question = question_of(request, TotalsQuestion)
    async with service_of(request).present(request, question) as (connection, moment):
        today = london_day(moment.at)
        counted = await count_present(connection, moment.at, end_of_london_day(today + SOON), today, COUNTED_MAX + 1)
        first = await _first_rows(connection, moment.at, today, question.first) if question.first else None
    suspended, windows, closing, owed, overdue = map(_total, counted)
    answer = TotalsAnswer(
        **moment.members,
        suspended=suspended,
        open_windows=windows,
        closing_windows=closing,
        maintenance_owed=owed,
        maintenance_overdue=overdue,
        first=first,
    )
    return Response(msgspec.json.encode(answer), media_type="application/json")


async def _first_rows(connection: Connection, at: datetime, today: date, limit: int) -> FirstRows:
    _, suspensions = await present_suspensions(connection, at, None, limit, product=None)
    _, windows = await present_windows(connection, at, BEFORE_ALL, limit, outcome="open", product=None, due_before=None)
    return FirstRows(
        tuple(partner_item(*row) for row in suspensions),
        tuple(WindowItem(*row) for row in windows),
        await maintenance_at(connection, at, limit, due_from=today),
        await maintenance_at(connection, at, limit, due_before=today),
    )


def _total(counted: int) -> Total:
    return Total(min(counted, COUNTED_MAX), counted > COUNTED_MAX)
