"""Replay of one partner, shared by the live projection and a rebuild: from the first fact or from a cursor."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_history import PartnerHistory, Step
from services.compliance.policy.published_state import PublicationState
from services.compliance.policy.shared_links import PeopleElsewhere
from services.compliance.policy.step_position import StepPosition
from services.compliance.read_model.consultant_rows import consultant_rows
from services.compliance.read_model.forecast_rows import ended_windows, forecast_rows
from services.compliance.read_model.rows import EventRow, PartnerRows
from shared.events.envelope import Fact

_MICROSECOND: Final = timedelta(microseconds=1)


class PriorPublication(NamedTuple):
    """What another engine published about a partner: every step up to and including `cursor`.

    `causes`: the facts by which the present one took over, which its corrections name.
    """

    cursor: StepPosition
    publication: PublicationState
    causes: tuple[str, ...]


class Group(msgspec.Struct, frozen=True):
    """Facts appended together, as far as they are routed to a partner.

    `earlier`: facts of earlier groups that are routed to the partner because of this one.
    """

    facts: Sequence[Fact]
    earlier: Sequence[Fact] = ()


def derive(
    partner_id: str,
    facts: Iterable[Fact],
    after: StepPosition | None,
    until: StepPosition,
    parameters: Parameters,
    past: PriorPublication | None = None,
) -> PartnerRows:
    """Replays the facts routed to the partner (log order) and the timers between them, up to and including `until`.

    `events`: of the steps after `after`, or of all if None. With a `past`, which ends by `until`: its correction,
    unless already made, and the steps after it.
    """
    return replay(PartnerHistory(partner_id, parameters), facts, after, until, past)


def replay(
    history: PartnerHistory,
    facts: Iterable[Fact],
    after: StepPosition | None,
    until: StepPosition,
    past: PriorPublication | None = None,
) -> PartnerRows:
    """`derive` into an empty history, which can be kept and resumed."""
    groups = (Group(tuple(appended)) for _, appended in groupby(facts, attrgetter("append_position")))
    events = _event_rows(_steps(history, groups, until, past), history.partner_id, after)
    return _rows(history, events)


def replay_from_cursor(
    partner_id: str,
    facts: Sequence[Fact],
    after: StepPosition,
    until: StepPosition,
    parameters: Parameters,
    elsewhere: PeopleElsewhere | None = None,
) -> tuple[PartnerHistory, PartnerRows, PartnerRows | None]:
    """What `derive` gives, and the history to go on from; the steps up to `after` are not taken one by one.

    Also what changed after them (None: nothing): where no standing did, the rows do not know since when those hold.
    Windows that had ended by then and are as they were are left out.
    Raises `PublicationUnknown` if a later step retracts something: then only `derive` will do. `elsewhere`: where the
    links of people are read as they were known after the steps up to `after`; of their facts only the later are needed.
    """
    history = PartnerHistory(partner_id, parameters, elsewhere)
    behind = bisect_right(facts, after, key=lambda fact: _key(fact, partner_id))
    if behind:
        history.fast_forward(facts[:behind], _timers_through(after, partner_id))
        history.partner_facts.take_touched()
    written = frozenset(ended_windows(history))
    found = replay(history, facts[behind:], after, until)
    if not behind or history.changes > 0:
        return history, found, found._replace(windows=[row for row in found.windows if row not in written])
    return history, found, found.of_people_only() if found.people else None


def resume(history: PartnerHistory, groups: Iterable[Group], until: StepPosition) -> PartnerRows | None:
    """Goes on with a kept history over further groups of facts and the timers between them.

    What comes out is what `derive` would give after the last step before. None: nothing changed.
    """
    changes = history.changes
    events = _event_rows(_steps(history, groups, until, None), history.partner_id, None)
    if history.changes != changes:
        return _rows(history, events)
    people = consultant_rows(history)
    return PartnerRows(history.partner_id, events, [], [], [], history.next_timer_at, people) if people else None


def _rows(history: PartnerHistory, events: list[EventRow]) -> PartnerRows:
    return PartnerRows(
        history.partner_id, events, *forecast_rows(history), history.next_timer_at, consultant_rows(history)
    )


def _event_rows(steps: Iterable[Step], partner_id: str, after: StepPosition | None) -> list[EventRow]:
    events: list[EventRow] = []
    for step in steps:
        if step.events:
            key = StepPosition(step.instant, step.position, partner_id)
            if after is None or key > after:
                events += [EventRow(key, ordinal, event) for ordinal, event in enumerate(step.events)]
    return events


def _steps(
    history: PartnerHistory, groups: Iterable[Group], until: StepPosition, past: PriorPublication | None
) -> Iterator[Step]:
    """Those after the past, beginning with the one that corrects it."""
    for group in groups:
        first = group.facts[0]
        if first.recorded_at >= until.instant and _key(first, history.partner_id) > until:
            break
        if past is not None and _key(first, history.partner_id) > past.cursor:
            yield _correction(history, past)
            past = None
        if history.next_timer_at is not None and history.next_timer_at <= first.recorded_at:
            fired = history.fire_timers(first.recorded_at)
            yield from fired if past is None else ()
        step = history.record(group.facts, group.earlier)
        if past is None:
            yield step
    if past is not None:
        yield _correction(history, past)
    yield from _fire_through(history, until)


def _key(fact: Fact, partner_id: str) -> StepPosition:
    return StepPosition(fact.recorded_at, fact.append_position, partner_id)


def _timers_through(until: StepPosition, partner_id: str) -> datetime:
    """The last instant whose timers are at or before the step `until`."""
    within = until._replace(position=0, partner_id=partner_id) <= until
    return until.instant if within else until.instant - _MICROSECOND


def _fire_through(history: PartnerHistory, until: StepPosition) -> list[Step]:
    """The steps of the timers at or before the step `until`."""
    return history.fire_timers(_timers_through(until, history.partner_id))


def _correction(history: PartnerHistory, past: PriorPublication) -> Step:
    _fire_through(history, past.cursor)
    return history.take_over(past.publication, past.cursor.instant, past.cursor.position, past.causes)
