"""The history of one partner, in order, in pages."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from heapq import nsmallest
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import CURSOR_INSTANT, Answer, AsOf, partner_as_of, resumed_moment
from services.compliance.historical_answers.partners import never_mentioned
from services.compliance.historical_answers.questions import AsOfMembers, PartnerTimeline
from services.compliance.policy.answers_from_facts import partner_known
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.portal_change_terms import PortalChange
from services.compliance.read_model.names import partner_name
from services.compliance.read_model.training_facts import training_facts
from services.compliance.refusals import InvalidQuery
from shared.events.compliance_events import Standing, Suspension, Window
from shared.events.envelope import Fact
from shared.events.facts import (
    TOPIC_OF,
    AttemptScored,
    CertificationRecognised,
    CertificationRevoked,
    ConsultantCertified,
    CourseCompleted,
    ExamRegistered,
    FactData,
    FactVoided,
    MaintenanceCompleted,
    PartnersMerged,
    RevocationOrdered,
    ScoreCorrected,
)
from shared.events.wire import instant_text

_FACT, _NOTICE, _WINDOW, _SUSPENSION = range(4)

CURSOR_PATTERN: Final = rf"{CURSOR_INSTANT}~[0-9]{{1,19}}~{CURSOR_INSTANT}~[0-3]~[0-9]{{1,19}}~[A-Za-z0-9_\-]{{0,64}}"
"""`at` and position of the list, then the place of its last entry: instant, kind, number, product."""


class _Place(NamedTuple):
    """The sort key of an entry, unique within a partner."""

    at: datetime
    kind: int
    number: int
    product: str


class _Entry(NamedTuple):
    """`show` renders the entry; only the entries of the page are rendered."""

    place: _Place
    show: Callable[[], dict[str, Any]]


class TimelineAnswer(Answer, frozen=True, kw_only=True):
    """The entries in order: each has a `kind` (fact, notice, window, suspension), `at`, and what goes with its kind.

    `next`: the `after` of the next page of the same list, whatever is recorded meanwhile; null: there is none.
    """

    partner_id: str
    name: str | None
    entries: tuple[dict[str, Any], ...]
    next_change_at: datetime | None
    next: str | None


async def timeline(connection: Connection, question: PartnerTimeline, parameters: Parameters) -> bytes:
    """Facts, notices, windows and suspensions of the partner up to `at`. Raises `NeverMentioned` and `InvalidQuery`."""
    partner_id, moment, after = question.partner_id, question.moment, None
    if question.after is not None:
        moment, after = _resumed(question.after, moment)
    resolved, facts = await partner_as_of(connection, partner_id, moment, parameters)
    at = resolved.at
    entries, changes = await _entries(connection, facts, partner_id, at, resolved.position, parameters)
    shown = [entry for entry in entries if entry.place.at <= at and (after is None or entry.place > after)]
    shown.sort(key=_place)
    page = shown[: question.limit]
    answer = TimelineAnswer(
        **resolved.members,
        partner_id=partner_id,
        name=await partner_name(connection, partner_id),
        entries=tuple(entry.show() for entry in page),
        next_change_at=resolved.next_change(*changes),
        next=_cursor(resolved, page[-1].place) if len(shown) > len(page) else None,
    )
    return msgspec.json.encode(answer)


async def entries_between(
    connection: Connection,
    facts: Sequence[Fact],
    partner_id: str,
    after: datetime,
    until: datetime,
    position: int,
    parameters: Parameters,
    entries_max: int,
) -> list[dict[str, Any]]:
    """The first entries of the timeline after an instant, up to another. `facts`: those routed to the partner.

    `position`: the last of the facts that are known. Raises `NeverMentioned`.
    """
    entries, _ = await _entries(connection, facts, partner_id, until, position, parameters)
    shown = nsmallest(entries_max, (entry for entry in entries if after < entry.place.at <= until), key=_place)
    return [entry.show() for entry in shown]


async def _entries(
    connection: Connection, facts: Sequence[Fact], partner_id: str, at: datetime, position: int, parameters: Parameters
) -> tuple[list[_Entry], list[datetime]]:
    """Every entry, in no order, and the later instants at which further ones follow if no fact comes."""
    found = partner_known(facts, partner_id, parameters.products, at, parameters)
    if found is None:
        raise never_mentioned(partner_id)
    partner_facts, segments = found
    people = {consultant_id for consultant_id, person in partner_facts.people() if person.ever_linked}
    trained = await training_facts(connection, sorted(people), position)
    entries = [*_facts(_merged(facts, trained), partner_id, people), *_notices(partner_facts)]
    changes = [entry.place.at for entry in entries if entry.place.at > at]
    for segment in map(next, segments.values()):
        entries += _standing(segment.standing)
        changes += [] if segment.next_change_at is None else [segment.next_change_at]
    return entries, changes


def _place(entry: _Entry) -> _Place:
    return entry.place


def _cursor(moment: AsOf, place: _Place) -> str:
    written = (instant_text(place.at), str(place.kind), str(place.number), place.product)
    return "~".join((instant_text(moment.at), str(moment.position), *written))


def _resumed(cursor: str, moment: AsOfMembers) -> tuple[AsOfMembers, _Place]:
    """The moment of the list and the place to continue after. The question's own moment takes precedence."""
    at, position, instant, kind, number, product = cursor.split("~")
    try:
        place = _Place(datetime.fromisoformat(instant), int(kind), int(number), product)
        return resumed_moment(at, position, moment), place
    except ValueError:
        raise InvalidQuery("after must be the `next` of a page of this list.", "after") from None


def _merged(facts: Sequence[Fact], trained: Mapping[str, Sequence[Fact]]) -> list[Fact]:
    """The facts routed to the partner, and what its people did, each once and in log order."""
    found = {fact.position: fact for fact in chain(facts, *trained.values())}
    return [found[position] for position in sorted(found)]


def _facts(facts: Sequence[Fact], partner_id: str, people: Container[str]) -> Iterator[_Entry]:
    voided = {fact.data.fact_id: fact.fact_id for fact in facts if isinstance(fact.data, FactVoided)}
    shown: set[str] = set()
    for fact in facts:
        if _of_partner(fact.data, partner_id, people, shown):
            shown.add(fact.fact_id)
            place = _Place(fact.effective_at, _FACT, fact.position, "")
            yield _Entry(place, partial(_shown_fact, fact, voided.get(fact.fact_id)))


def _shown_fact(fact: Fact, voided_by: str | None) -> dict[str, Any]:
    return {
        "kind": "fact",
        "at": fact.effective_at,
        "type": TOPIC_OF[type(fact.data)],
        "fact_id": fact.fact_id,
        "position": fact.position,
        "recorded_at": fact.recorded_at,
        "voided_by": voided_by,
        "data": fact.data,
    }


def _of_partner(data: FactData, partner_id: str, people: Container[str], shown: Container[str]) -> bool:
    match data:
        case (
            ConsultantCertified()
            | CertificationRevoked()
            | MaintenanceCompleted()
            | CourseCompleted()
            | ExamRegistered()
            | CertificationRecognised()
            | RevocationOrdered()
        ):
            return data.consultant_id in people
        case AttemptScored() | ScoreCorrected():
            return True  # only those of registrations of these people are read
        case FactVoided():
            return data.fact_id in shown
        case PartnersMerged():
            return partner_id in (data.partner_id, data.into)
        case _:
            return getattr(data, "partner_id", None) == partner_id


def _notices(partner_facts: PartnerFacts) -> Iterator[_Entry]:
    """Portal changes communicated to the partner (R27), with the terms in force (R33, R38)."""
    for change in partner_facts.communicated():
        yield _Entry(_Place(change.announced_at, _NOTICE, change.position, ""), partial(_shown_notice, change))


def _shown_notice(change: PortalChange) -> dict[str, Any]:
    return {
        "kind": "notice",
        "at": change.announced_at,
        "portal_change_id": change.portal_change_id,
        "products": change.products,
        "due_on": change.due_on,
        "summary": change.declared.summary,
        "fact_id": change.fact_id,
        "corrected_by": dict(change.corrected_by),
    }


def _standing(standing: Standing) -> Iterator[_Entry]:
    product = standing.product
    for number, window in enumerate(standing.windows):
        place = _Place(window.opened_at, _WINDOW, number, product)
        yield _Entry(place, _showing("window", window.opened_at, product, window))
    for number, suspension in enumerate(standing.suspensions):
        place = _Place(suspension.since, _SUSPENSION, number, product)
        yield _Entry(place, _showing("suspension", suspension.since, product, suspension))


def _showing(kind: str, at: datetime, product: str, what: Window | Suspension) -> Callable[[], dict[str, Any]]:
    return lambda: {"kind": kind, "at": at, "product": product, **msgspec.to_builtins(what)}
