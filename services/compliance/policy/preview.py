"""What facts would change for a partner or a person if they were recorded now, before they are."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Final

import msgspec

from services.compliance.policy.answers_from_facts import CertificationAnswer, certification_answer
from services.compliance.policy.forecast import ForecastSegment
from services.compliance.policy.hypothetical_policy import DifferingStanding, differing_standing, shown_standing
from services.compliance.policy.learned_changes import KnownStandings
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_history import PartnerHistory, PublicationUnknown
from shared.events.compliance_events import ComplianceEvent, ComplianceEventData, Retraction, Status, Window
from shared.events.envelope import Fact

SEGMENTS_MAX: Final = 10
"""How many segments of a forecast are compared and shown, the present one included."""
CONSULTANTS_MAX: Final = 100
"""How many of those who begin or cease to count are named."""


class Foreseen(msgspec.Struct, frozen=True):
    """How the partner stands from an instant on, if no further fact comes."""

    since: datetime = msgspec.field(name="from")
    status: Status
    sell_new: bool
    headcount: int
    shortfall: int | None


class PreviewedStanding(msgspec.Struct, frozen=True):
    """How the partner stands for a product. `ahead`: what follows if no further fact comes."""

    now: DifferingStanding
    ahead: tuple[Foreseen, ...]


class ProductPreview(msgspec.Struct, frozen=True):
    """A product for which the partner would have another standing, now or later.

    `before`: null if no fact names it yet. `gained`, `lost`: who would begin to count and who would cease to, the first
    100 of either.
    """

    product: str
    before: PreviewedStanding | None
    after: PreviewedStanding
    gained: tuple[str, ...]
    lost: tuple[str, ...]


class PreviewedEvent(msgspec.Struct, frozen=True):
    """A compliance event that subscribers would get, without ids and standings."""

    type: str
    effective_at: datetime
    products: tuple[str, ...]
    consultant_id: str | None
    portal_change_id: str | None
    due_on: date | None
    window: Window | None
    retracts: Retraction | None


class PartnerPreview(msgspec.Struct, frozen=True):
    """The standings of the partner that would differ, and the events about it, in order."""

    partner_id: str
    products: tuple[ProductPreview, ...]
    events: tuple[PreviewedEvent, ...]


class PersonPreview(msgspec.Struct, frozen=True):
    """A certification that would be answered otherwise."""

    consultant_id: str
    product: str
    before: CertificationAnswer
    after: CertificationAnswer


def partner_preview(
    known: Sequence[Fact], hypothetical: Sequence[Fact], partner_id: str, at: datetime, parameters: Parameters
) -> PartnerPreview | None:
    """What the hypothetical facts would change for the partner if they were recorded at `at`; None: nothing.

    Both are those routed to the partner, in log order. Facts of one `append_position` are recorded together.
    """
    standings = KnownStandings(partner_id, at, parameters)
    standings.add(known)
    before = standings.forecasts(SEGMENTS_MAX)
    standings.add(hypothetical)
    after = standings.forecasts(SEGMENTS_MAX)
    products = tuple(
        _product_preview(product, before.get(product), segments)
        for product, segments in after.items()
        if list(map(_shown, before.get(product, ()))) != list(map(_shown, segments))
    )
    events = tuple(map(_previewed, _events(known, hypothetical, partner_id, at, parameters)))
    return PartnerPreview(partner_id, products, events) if products or events else None


def person_previews(
    known: Sequence[Fact],
    hypothetical: Sequence[Fact],
    consultant_id: str,
    products: Iterable[str],
    at: datetime,
    parameters: Parameters,
) -> list[PersonPreview]:
    """The certifications of the person that would be answered otherwise, of these products; reasons aside."""
    found = []
    for product in products:
        before = certification_answer(known, consultant_id, product, at, parameters)
        after = certification_answer([*known, *hypothetical], consultant_id, product, at, parameters)
        if _said(before) != _said(after):
            found.append(PersonPreview(consultant_id, product, before, after))
    return found


def _said(answer: CertificationAnswer) -> tuple[object, ...]:
    return answer.certified, answer.portal_user, answer.next_change_at


def _shown(segment: ForecastSegment) -> tuple[object, ...]:
    return segment.valid_from, *shown_standing(segment.standing), segment.standing.counted


def _product_preview(
    product: str, before: Sequence[ForecastSegment] | None, after: Sequence[ForecastSegment]
) -> ProductPreview:
    new = after[0].standing
    old = new if before is None else before[0].standing
    counted_before = frozenset(() if before is None else old.counted)
    counted_after = frozenset(new.counted)
    return ProductPreview(
        product=product,
        before=None
        if before is None
        else PreviewedStanding(differing_standing(old, new, before[0].reasons), _ahead(before)),
        after=PreviewedStanding(differing_standing(new, old, after[0].reasons), _ahead(after)),
        gained=tuple(sorted(counted_after - counted_before)[:CONSULTANTS_MAX]),
        lost=tuple(sorted(counted_before - counted_after)[:CONSULTANTS_MAX]),
    )


def _ahead(segments: Sequence[ForecastSegment]) -> tuple[Foreseen, ...]:
    """The later segments, as far as these members change."""
    found: list[Foreseen] = []
    last = segments[0].standing
    for segment in segments[1:]:
        standing = segment.standing
        if _summary(standing) != _summary(last):
            found.append(Foreseen(segment.valid_from, *_summary(standing)))
        last = standing
    return tuple(found)


_summary: Final = attrgetter("status", "sell_new", "headcount", "shortfall")


def _events(
    known: Sequence[Fact], hypothetical: Sequence[Fact], partner_id: str, at: datetime, parameters: Parameters
) -> list[ComplianceEvent]:
    """The events of the steps of the hypothetical facts."""
    history = PartnerHistory(partner_id, parameters)
    history.fast_forward(known, at)
    try:
        return _steps(history, hypothetical)
    except PublicationUnknown:  # a step retracts: what was published comes from every step before
        history = PartnerHistory(partner_id, parameters)
        _steps(history, known)
        history.fire_timers(at)
        return _steps(history, hypothetical)


def _steps(history: PartnerHistory, facts: Sequence[Fact]) -> list[ComplianceEvent]:
    events: list[ComplianceEvent] = []
    for _, appended in groupby(facts, _append_position):
        group = tuple(appended)
        history.fire_timers(group[0].recorded_at)
        events += history.record(group).events
    return events


_append_position: Final = attrgetter("append_position")


def _previewed(event: ComplianceEvent) -> PreviewedEvent:
    said = _decode(event.data)
    return PreviewedEvent(
        event.type,
        event.effective_at,
        event.products,
        said.consultant_id,
        said.portal_change_id,
        said.due_on,
        said.window,
        said.retracts,
    )


_decode: Final = msgspec.json.Decoder(ComplianceEventData).decode
