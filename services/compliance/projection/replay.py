"""One partner, derived from nothing: the same for the live projection and for a rebuild."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from services.compliance.policy.history import PartnerHistory, Step
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.published import Publication
from services.compliance.policy.standing import Stretch
from services.compliance.read_model.answer import body_of
from services.compliance.read_model.derived import Derived, EventRow, StandingRow, WindowRow
from services.compliance.read_model.step_key import FACTS, TIMER, StepKey
from shared.events.envelope import Fact

_MICROSECOND: Final = timedelta(microseconds=1)


class Past(NamedTuple):
    """What was published about a partner by another policy: every step up to and including `cursor`."""

    cursor: StepKey
    publication: Publication


def derive(
    partner_id: str,
    facts: Iterable[Fact],
    after: StepKey | None,
    until: StepKey,
    parameters: Parameters,
    past: Past | None = None,
) -> Derived:
    """Replays the facts routed to the partner (log order) and the timers between them, up to and including `until`.

    `events` are those of the steps after `after`; None: of all. With a `past` (which ends by `until`) they are those
    that correct it, if it was not corrected yet, and those of the steps after it.
    """
    history = PartnerHistory(partner_id, parameters)
    events: list[EventRow] = []
    for step in _steps(history, partner_id, facts, until, past):
        if not step.events:
            continue
        key = StepKey(step.instant, FACTS if step.position else TIMER, step.position, partner_id)
        if after is None or key > after:
            events += [EventRow(key, ordinal, event) for ordinal, event in enumerate(step.events)]
    stretches = history.stretches()
    return Derived(
        partner_id,
        events,
        [row for product, found in stretches.items() for row in _standing_rows(partner_id, product, found)],
        [row for product, found in stretches.items() for row in _window_rows(partner_id, product, found[-1])],
        history.next_timer_at,
    )


def _steps(
    history: PartnerHistory, partner_id: str, facts: Iterable[Fact], until: StepKey, past: Past | None
) -> Iterator[Step]:
    """Those after the past, beginning with the one that corrects it."""
    for append_position, appended in groupby(facts, attrgetter("append_position")):
        group = list(appended)
        recorded_at = group[0].recorded_at
        key = StepKey(recorded_at, FACTS, append_position, partner_id)
        if key > until:
            break
        if past is not None and key > past.cursor:
            yield _correction(history, past)
            past = None
        if history.next_timer_at is not None and history.next_timer_at <= recorded_at:
            fired = history.fire(recorded_at)
            yield from fired if past is None else ()
        step = history.record(group)
        if past is None:
            yield step
    if past is not None:
        yield _correction(history, past)
    yield from _fire_through(history, until)


def _fire_through(history: PartnerHistory, until: StepKey) -> list[Step]:
    """The steps of the timers at or before the step `until`."""
    within = until._replace(kind=TIMER, position=0, partner_id=history.partner_id) <= until
    return history.fire(until.instant if within else until.instant - _MICROSECOND)


def _correction(history: PartnerHistory, past: Past) -> Step:
    _fire_through(history, past.cursor)
    return history.take_over(past.publication, past.cursor.instant, past.cursor.position)


def _standing_rows(partner_id: str, product: str, stretches: Sequence[Stretch]) -> Iterator[StandingRow]:
    for stretch in stretches:
        standing = stretch.standing
        yield StandingRow(
            partner_id,
            product,
            stretch.valid_from,
            stretch.next_change_at,
            standing.status,
            standing.headcount,
            standing.minimum,
            standing.shortfall,
            body_of(stretch),
        )


def _window_rows(partner_id: str, product: str, last: Stretch) -> Iterator[WindowRow]:
    """The windows as they end if no fact comes: what each is at an earlier instant follows from its own instants."""
    for number, window in enumerate(last.standing.windows, start=1):
        yield WindowRow(
            partner_id,
            product,
            number,
            window.opened_at,
            window.deadline_on,
            window.deadline_at,
            window.closed_at,
            None if window.closed_at is None else window.outcome,
        )
