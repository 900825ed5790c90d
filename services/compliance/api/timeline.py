"""Everything that makes up the history of one partner, in order."""

from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.compliance.api.documented import answers_with, asks
from services.compliance.api.moment import Answer
from services.compliance.api.problems import NeverMentioned
from services.compliance.api.question import Id, Question, question_of
from services.compliance.api.service import service_of
from services.compliance.api.standings import as_of
from services.compliance.policy.answers import notified_partners, partner_stretch
from services.compliance.policy.knowledge import Knowledge
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.standing import Standing, Suspension, Window
from shared.events.envelope import Fact
from shared.events.facts import (
    TOPIC_OF,
    CertificationRevoked,
    ConsultantCertified,
    FactData,
    FactVoided,
    MaintenanceCompleted,
    PartnersMerged,
    PortalChangeDeclared,
)

router: Final = APIRouter(tags=["partners"])

_FACT, _NOTICE, _WINDOW, _SUSPENSION = range(4)


class Entry(NamedTuple):
    """`kind` and `number` order what is of one instant; `shown` is what the answer shows."""

    at: datetime
    kind: int
    number: int
    shown: dict[str, Any]


class TimelineAnswer(Answer, frozen=True, kw_only=True):
    """The entries in order: each has a `kind` (fact, notice, window, suspension), `at`, and what goes with its kind."""

    partner_id: str
    entries: tuple[dict[str, Any], ...]
    next_change_at: datetime | None


@router.get(
    "/compliance/v1/partners/{partner_id}/timeline",
    openapi_extra=asks(Question),
    responses=answers_with(TimelineAnswer),
)
async def timeline(request: Request, partner_id: Id) -> Response:
    """Every fact, notice, window and suspension of the partner up to `at`, by the instant at which it was true.

    The facts are those that name the partner, the grants and maintenance completions of the people
    who were ever linked to it, and voids of these.
    """
    question = question_of(request, Question)
    service = service_of(request)
    known = await service.look(question, lambda connection: as_of(connection, partner_id, question))
    at, parameters = known.moment.at, service.parameters
    stretches = [partner_stretch(known.facts, partner_id, product, at, parameters) for product in parameters.products]
    entries = [*_facts(known.facts, partner_id, parameters), *_notices(known.facts, partner_id, parameters)]
    changes = [entry.at for entry in entries if entry.at > at]
    for stretch in stretches:
        if stretch is None:
            raise NeverMentioned(f"No fact known by then mentions the partner {partner_id}.", "partner_id")
        entries += _standing(stretch.standing)
        changes += [] if stretch.next_change_at is None else [stretch.next_change_at]
    answer = TimelineAnswer(
        **known.moment._asdict(),
        partner_id=partner_id,
        entries=tuple(entry.shown for entry in sorted(entries, key=_order) if entry.at <= at),
        next_change_at=min(changes, default=None),
    )
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _order(entry: Entry) -> tuple[datetime, int, int]:
    return entry.at, entry.kind, entry.number


def _facts(facts: Sequence[Fact], partner_id: str, parameters: Parameters) -> Iterator[Entry]:
    knowledge = Knowledge(partner_id, parameters)
    for fact in facts:
        knowledge.add(fact)
    people = {one for one in knowledge.persons if any(partner_id in work.linked for work in knowledge.employments(one))}
    voided = {fact.data.fact_id: fact.fact_id for fact in facts if isinstance(fact.data, FactVoided)}
    shown: set[str] = set()
    for fact in facts:
        if _of_partner(fact.data, partner_id, people, shown):
            shown.add(fact.fact_id)
            yield Entry(
                fact.effective_at,
                _FACT,
                fact.position,
                {
                    "kind": "fact",
                    "at": fact.effective_at,
                    "type": TOPIC_OF[type(fact.data)],
                    "fact_id": fact.fact_id,
                    "position": fact.position,
                    "recorded_at": fact.recorded_at,
                    "voided_by": voided.get(fact.fact_id),
                    "data": fact.data,
                },
            )


def _of_partner(data: FactData, partner_id: str, people: Container[str], shown: Container[str]) -> bool:
    match data:
        case ConsultantCertified() | CertificationRevoked() | MaintenanceCompleted():
            return data.consultant_id in people
        case FactVoided():
            return data.fact_id in shown
        case PartnersMerged():
            return partner_id in (data.partner_id, data.into)
        case _:
            return getattr(data, "partner_id", None) == partner_id


def _notices(facts: Sequence[Fact], partner_id: str, parameters: Parameters) -> Iterator[Entry]:
    """The portal changes that were communicated to the partner (R27), as the declaration in force says (R33)."""
    voided = {fact.data.fact_id for fact in facts if isinstance(fact.data, FactVoided)}
    for fact in facts:
        if isinstance(fact.data, PortalChangeDeclared) and fact.fact_id not in voided:
            change, announced_at = fact.data, fact.effective_at
            if partner_id in (notified_partners(facts, change.portal_change_id, announced_at, parameters) or ()):
                notice = {
                    "kind": "notice",
                    "at": announced_at,
                    "portal_change_id": change.portal_change_id,
                    "products": change.products,
                    "due_on": change.due_on,
                    "summary": change.summary,
                    "fact_id": fact.fact_id,
                }
                yield Entry(announced_at, _NOTICE, fact.position, notice)


def _standing(standing: Standing) -> Iterator[Entry]:
    for number, window in enumerate(standing.windows):
        shown = {"kind": "window", "at": window.opened_at, "product": standing.product, **_members(window)}
        yield Entry(window.opened_at, _WINDOW, number, shown)
    for number, suspension in enumerate(standing.suspensions):
        shown = {"kind": "suspension", "at": suspension.since, "product": standing.product, **_members(suspension)}
        yield Entry(suspension.since, _SUSPENSION, number, shown)


def _members(struct: Window | Suspension) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.to_builtins(struct)
    return members
