"""Questions across partners: who stands how, which windows run. In pages, right by the clock.

The present comes from the read model. Any other moment is derived from the log, partner after
partner, and costs accordingly.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from heapq import nsmallest
from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.bodies import parse_any_instant
from services.compliance.api.documented import answers_with, asks
from services.compliance.api.moment import Answer, Moment, moment_of, present_moment
from services.compliance.api.problems import NotAskable
from services.compliance.api.question import PartnersQuestion, Question, WindowsQuestion, question_of
from services.compliance.api.service import Service, service_of
from services.compliance.policy.answers import partner_stretches
from services.compliance.policy.standing import Outcome, Status, Stretch, Window
from services.compliance.read_model.fact_log import mentioned_partners, routed
from services.compliance.read_model.lists import present_partners, present_windows
from services.products import refuse_unsold
from shared.events.wire import instant_text

router: Final = APIRouter(tags=["lists"])

_PARTNERS_AT_ONCE: Final = 32
_PARTNERS_TRIED_MAX: Final = 1_000
"""A page of another moment ends, however few it holds, after this many partners."""


_BEFORE_ALL: Final = (datetime(1970, 1, 1, tzinfo=UTC), "", "", 0)


class PartnerItem(msgspec.Struct, frozen=True):
    """How one partner stands for one product."""

    partner_id: str
    product: str
    status: Status
    headcount: int
    minimum: int | None
    shortfall: int | None
    next_change_at: datetime | None


class WindowItem(msgspec.Struct, frozen=True, order=True):
    """One replacement window. `number`: its place among those of the partner and product, from 1.

    `next_change_at`: when it expires or is closed next, if no fact comes.
    """

    deadline_at: datetime
    partner_id: str
    product: str
    number: int
    deadline_on: date
    opened_at: datetime
    closed_at: datetime | None
    outcome: Outcome
    next_change_at: datetime | None


class PartnersAnswer(Answer, frozen=True, kw_only=True):
    """A page of partners. `next`: the `after` of the next page; null: this is the last."""

    partners: tuple[PartnerItem, ...]
    next: str | None


class WindowsAnswer(Answer, frozen=True, kw_only=True):
    """A page of windows. `next`: the `after` of the next page; null: this is the last."""

    windows: tuple[WindowItem, ...]
    next: str | None


@router.get("/compliance/v1/partners", openapi_extra=asks(PartnersQuestion), responses=answers_with(PartnersAnswer))
async def partners(request: Request) -> Response:
    """Partners and products in order of their ids. `next` is null on the last page; go on with it as `after`."""
    question = question_of(request, PartnersQuestion)
    service = service_of(request)
    refuse_unsold(() if question.product is None else (question.product,), service.parameters.products)
    after = _partner_after(question.after)
    moment = await _moment(service, question)
    if question.live:
        async with service.pool.acquire() as connection:
            rows = await present_partners(
                connection, moment.at, after, question.limit, status=question.status, product=question.product
            )
        items = [PartnerItem(*row) for row in rows]
        last = (items[-1].partner_id, items[-1].product) if len(items) == question.limit else None
    else:
        items, last = await _partners_as_of(service, moment, question, after)
    following = None if last is None else "~".join(last)
    return _page(PartnersAnswer(**moment._asdict(), partners=tuple(items), next=following))


async def _partners_as_of(
    service: Service, moment: Moment, question: PartnersQuestion, after: tuple[str, str]
) -> tuple[list[PartnerItem], tuple[str, str] | None]:
    """Also where the next page begins; None: nowhere."""
    items: list[PartnerItem] = []
    tried: set[str] = set()
    async for partner_id, product, (stretch, *_) in _stretches(service, moment, after[0], include=True):
        if (partner_id, product) <= after:
            continue
        tried.add(partner_id)
        if len(tried) > _PARTNERS_TRIED_MAX:
            return items, (max(tried - {partner_id}), "~")
        standing = stretch.standing
        if question.status in (None, standing.status) and question.product in (None, product):
            items.append(
                PartnerItem(
                    partner_id,
                    product,
                    standing.status,
                    standing.headcount,
                    standing.minimum,
                    standing.shortfall,
                    stretch.next_change_at,
                )
            )
        if len(items) == question.limit:
            return items, (partner_id, product)
    return items, None


@router.get("/compliance/v1/windows", openapi_extra=asks(WindowsQuestion), responses=answers_with(WindowsAnswer))
async def windows(request: Request) -> Response:
    """Replacement windows, soonest deadline first. `next` is null on the last page; go on with it as `after`."""
    question = question_of(request, WindowsQuestion)
    service = service_of(request)
    refuse_unsold(() if question.product is None else (question.product,), service.parameters.products)
    after = _window_after(question.after)
    moment = await _moment(service, question)
    if question.live:
        async with service.pool.acquire() as connection:
            rows = await present_windows(
                connection,
                moment.at,
                after,
                question.limit,
                outcome=question.status,
                product=question.product,
                due_before=question.due_before,
            )
        items = [WindowItem(*row) for row in rows]
    else:
        items = []
        async for partner_id, product, stretches in _stretches(service, moment, "", include=False):
            found = _windows_of(partner_id, product, stretches, moment.at)
            items += [item for item in found if _place(item) > after and _wanted(item, question)]
            items = nsmallest(question.limit, items, key=_place)
    last = items[-1] if len(items) == question.limit else None
    following = None if last is None else "~".join([instant_text(last.deadline_at), *map(str, _place(last)[1:])])
    return _page(WindowsAnswer(**moment._asdict(), windows=tuple(items), next=following))


def _windows_of(partner_id: str, product: str, stretches: Sequence[Stretch], at: datetime) -> list[WindowItem]:
    """Those of the first stretch; the last one knows how they end if no fact comes."""
    windows, ends = stretches[0].standing.windows, stretches[-1].standing.windows
    return [
        WindowItem(
            window.deadline_at,
            partner_id,
            product,
            number,
            window.deadline_on,
            window.opened_at,
            window.closed_at,
            window.outcome,
            _changes_next(window, end, at),
        )
        for number, (window, end) in enumerate(zip(windows, ends, strict=False), start=1)
    ]


def _changes_next(window: Window, end: Window, at: datetime) -> datetime | None:
    if window.closed_at is not None:
        return None
    return min((change for change in (window.deadline_at, end.closed_at) if change and change > at), default=None)


def _wanted(item: WindowItem, question: WindowsQuestion) -> bool:
    return (
        question.status in (None, item.outcome)
        and question.product in (None, item.product)
        and (question.due_before is None or item.deadline_at < question.due_before)
    )


def _place(item: WindowItem) -> tuple[datetime, str, str, int]:
    return item.deadline_at, item.partner_id, item.product, item.number


async def _stretches(
    service: Service, moment: Moment, after: str, *, include: bool
) -> AsyncIterator[tuple[str, str, list[Stretch]]]:
    """Every partner and product from the moment on, in order, from the log; `include`: `after` itself too."""
    async with service.pool.acquire() as connection:
        partner_ids: Sequence[str] = [after] if include and after else []
        while True:
            for partner_id, facts in (await routed(connection, partner_ids, moment.position)).items():
                for product in sorted(service.parameters.products):
                    stretches = partner_stretches(facts, partner_id, product, moment.at, service.parameters)
                    if stretches:
                        yield partner_id, product, stretches
            after = max([after, *partner_ids])
            partner_ids = await mentioned_partners(connection, after, _PARTNERS_AT_ONCE)
            if not partner_ids:
                return


async def _moment(service: Service, question: Question) -> Moment:
    """The present as the read model knows it, or the moment asked about, of which the log knows."""
    if question.live:
        return await service.look(question, present_moment)
    return await service.look(question, lambda connection: moment_of(connection, question))


def _partner_after(text: str | None) -> tuple[str, str]:
    partner_id, _, product = (text or "~").partition("~")
    return partner_id, product


def _window_after(text: str | None) -> tuple[datetime, str, str, int]:
    if text is None:
        return _BEFORE_ALL
    instant, partner_id, product, number = text.split("~")
    try:
        return parse_any_instant(instant), partner_id, product, int(number)
    except ValueError:
        raise NotAskable("after is the `next` of a page of this list.", "after") from None


def _page(answer: PartnersAnswer | WindowsAnswer) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")
