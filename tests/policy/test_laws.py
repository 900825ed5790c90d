"""Laws that hold for every history, whatever the rules say of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import msgspec
from hypothesis import HealthCheck, given, settings

from services.compliance.policy.answers_from_facts import certification_answer, partner_segment
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.partner_history import PartnerHistory, Step
from shared.events.compliance_events import TYPE_OF, ComplianceEvent, ComplianceEventData, Name, Standing
from shared.events.facts import (
    ConsultantLeft,
    ConsultantLinked,
    FactVoided,
    PartnerClosed,
    PartnersMerged,
    PolicyRevised,
    PortalChangeCorrected,
    PortalChangeDeclared,
)
from tests.oracle.histories import PRODUCTS, History, histories
from tests.oracle.rules import facts as oracle
from tests.oracle.rules.knowledge import same_name
from tests.policy.comparison import Case, defined_view, standing_view, steps_of
from tests.policy.fact_log import Group, consultant_of, everything

anything = settings(
    max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
MICROSECOND = timedelta(microseconds=1)


@anything
@given(histories())
def test_whoever_folds_the_events_holds_the_answers(history: History) -> None:
    """All events of a step carry the resulting standings: the last one of each product is the answer."""
    case = Case(history)
    for partner in case.partners:
        held: dict[str, Standing] = {}
        for known, step in _steps_with_knowledge(case.groups, partner):
            for event in step.events:
                for standing in _data(event).standings:
                    held[standing.product] = standing
            for product in PRODUCTS:
                wanted = defined_view(case.calculator(known).partner(partner, product, step.instant))
                assert standing_view(held.get(product)) == wanted


@anything
@given(histories())
def test_what_stands_announced_is_what_happened(history: History) -> None:
    """After all retractions, every window and suspension is announced once, with every turn it took."""
    case = Case(history)
    for partner in case.partners:
        steps = steps_of(case.groups, partner)
        now = steps[-1].instant
        announced = _standing_announcements(steps)
        for product in PRODUCTS:
            answer = case.calculator(len(history)).partner(partner, product, now)
            assert answer is not None
            wanted: Counter[tuple[Name, datetime]] = Counter()
            for window in answer.windows:
                wanted["replacement-window-opened", window.opened_at] += 1
                if window.outcome in ("expired", "closed_late") or (
                    window.closed_at is not None and window.closed_at >= window.deadline_at
                ):
                    wanted["replacement-window-expired", window.deadline_at] += 1
                if window.closed_at is not None:
                    voided = window.outcome == "void"
                    name: Name = "replacement-window-voided" if voided else "replacement-window-closed"
                    wanted[name, window.closed_at] += 1
            for suspension in answer.suspensions:
                wanted["selling-suspended", suspension.since] += 1
            names = {name for name, _ in wanted} | {"replacement-window-opened", "selling-suspended"}
            got = Counter({key[1:]: count for key, count in announced.items() if key[0] == product and key[1] in names})
            assert got == wanted


@anything
@given(histories())
def test_an_event_is_taken_back_once_and_never_before_it_was_published(history: History) -> None:
    case = Case(history)
    for partner in case.partners:
        standing: set[str] = set()
        seen: set[str] = set()
        for step in steps_of(case.groups, partner):
            for event in step.events:
                assert event.event_id not in seen
                seen.add(event.event_id)
                retracts = _data(event).retracts
                if retracts is None:
                    standing.add(event.event_id)
                else:
                    standing.remove(retracts.event_id)


@anything
@given(histories())
def test_nothing_is_taken_back_without_a_cause(history: History) -> None:
    case = Case(history)
    for partner in case.partners:
        for step in steps_of(case.groups, partner, case.instants[-1]):
            for event in step.events:
                data = _data(event)
                assert data.retracts is None or data.fact_ids


@anything
@given(histories())
def test_however_a_replay_is_split_it_says_the_same(history: History) -> None:
    """Timers fired one by one, at odd instants or all at once: byte for byte the same steps."""
    case = Case(history)
    for partner in case.partners:
        late = steps_of(case.groups, partner)
        eager: list[Step] = []
        fold = PartnerHistory(partner, PARAMETERS)
        for group in case.groups:
            if group:
                for instant in case.instants:
                    if instant < group[0].recorded_at:
                        eager += fold.fire_timers(instant)
                eager += fold.fire_timers(group[0].recorded_at)
                eager.append(fold.record(group))
        assert msgspec.json.encode(eager) == msgspec.json.encode(late)


@anything
@given(histories())
def test_facts_that_do_not_concern_a_partner_do_not_show(history: History) -> None:
    """Replayed from the facts routed to it alone, a partner's history is the same as from the whole log."""
    case = Case(history)
    for partner in case.partners:
        routed, end = routed_to(partner, case.groups), case.instants[-1]
        whole = [step for step in steps_of(case.groups, partner, end) if step.events]
        assert [step for step in steps_of(routed, partner, end) if step.events] == whole


@anything
@given(histories())
def test_delivery_order_is_irrelevant(history: History) -> None:
    """R35: the same facts recorded in any order give the same answers.

    Facts of one instant keep their order, for there the later recorded wins, and so do the corrections of a portal
    change (R38); a void comes after what it voids, and what is recorded again in its place after the void (R33). A
    revision of the policy is known from its recording and never earlier (R39), so it is left out.
    """
    history = without_revisions(in_force_and_void(history))
    case, shuffled = Case(history), Case(reordered(history))
    log, shuffled_log = everything(case.groups), everything(shuffled.groups)
    for at in case.instants[:: max(1, len(case.instants) // 8)]:
        for product in PRODUCTS:
            for partner in case.partners:
                one = partner_segment(log, partner, product, at, PARAMETERS)
                other = partner_segment(shuffled_log, partner, product, at, PARAMETERS)
                assert (one and one.standing) == (other and other.standing)
            for consultant in case.consultants:
                first = certification_answer(log, consultant, product, at, PARAMETERS)
                second = certification_answer(shuffled_log, consultant, product, at, PARAMETERS)
                assert (first.certified, first.portal_user) == (second.certified, second.portal_user)


@anything
@given(histories())
def test_unfilled_windows_are_the_shortfall(history: History) -> None:
    """R18, once the minimum has been reached (R12); before and outside there are none (R28)."""
    case = Case(history)
    for partner in case.partners:
        for step in steps_of(case.groups, partner):
            for event in step.events:
                for standing in _data(event).standings:
                    unfilled = sum(window.closed_at is None for window in standing.windows)
                    if standing.status in ("not_enrolled", "not_yet_authorised"):
                        assert unfilled == 0
                    else:
                        assert unfilled == standing.shortfall


def in_force_and_void(history: History) -> History:
    """Without what certification refuses or knows already."""
    kept = {fact.fact_id for group in Case(history).groups if group for fact in group[:1]}
    return [fact for fact in history if fact.fact_id in kept]


def without_revisions(history: History) -> History:
    """The policy of August 2021 for ever."""
    revisions = {fact.fact_id for fact in history if isinstance(fact, oracle.PolicyRevised)}
    return [
        fact
        for fact in history
        if fact.fact_id not in revisions and (not isinstance(fact, oracle.FactVoided) or fact.voided not in revisions)
    ]


def reordered(history: History) -> History:
    """All recorded after the last of them was true, in another order."""
    random = Random(len(history))
    changes = _changes_in_order(history)
    earlier = {
        fact.fact_id: {other.fact_id for other in _before(fact, history[:n], changes)} for n, fact in enumerate(history)
    }
    left, ordered = list(history), History()
    while left:
        ready = [fact for fact in left if earlier[fact.fact_id].isdisjoint(other.fact_id for other in left)]
        ordered.append(random.choice(ready))
        left.remove(ordered[-1])
    end = max(fact.recorded_at for fact in history) + timedelta(days=100)
    return [replace(fact, recorded_at=end + place * MICROSECOND) for place, fact in enumerate(ordered)]


def _changes_in_order(history: History) -> dict[str, str]:
    """Fact id to portal change, of corrections and of declarations in error with their voids.

    Between a declaration in error and its void a correction can be refused that is held before and after.
    """
    voids = {fact.voided: fact.fact_id for fact in history if isinstance(fact, oracle.FactVoided)}
    found: dict[str, str] = {}
    for fact in history:
        if isinstance(fact, oracle.PortalChangeCorrected):
            found[fact.fact_id] = fact.change
        elif isinstance(fact, oracle.PortalChangeDeclared) and fact.fact_id in voids:
            found[fact.fact_id] = found[voids[fact.fact_id]] = fact.change
    return found


def _before(fact: oracle.Fact, recorded: History, changes: dict[str, str]) -> Iterator[oracle.Fact]:
    """The facts, of those recorded before this one, that every order must keep before it."""
    if fact.fact_id in changes:
        yield from (other for other in recorded if changes.get(other.fact_id) == changes[fact.fact_id])
    if isinstance(fact, oracle.FactVoided):
        yield from (other for other in recorded if other.fact_id == fact.voided)
        return
    named = [other for other in recorded if same_name(fact, other)]
    taken = {other.fact_id for other in named}
    yield from (other for other in recorded if isinstance(other, oracle.FactVoided) and other.voided in taken)
    yield from (other for other in recorded if other.effective_at == fact.effective_at)


def routed_to(partner: str, groups: Sequence[Group]) -> list[Group]:
    """Of every group, the facts that can concern the partner.

    These are its own, those about everybody ever linked to it or to a partner that mergers can lead to it,
    the closures and mergers of every partner that these people or its own mergers can lead to, portal
    changes, revisions of the policy, and the voids of them all.
    """
    log = everything(groups)
    mergers = [fact.data for fact in log if isinstance(fact.data, PartnersMerged)]
    upstream = {partner}
    for _ in mergers:
        upstream |= {merger.partner_id for merger in mergers if merger.into in upstream}
    people = {
        fact.data.consultant_id
        for fact in log
        if isinstance(fact.data, ConsultantLinked | ConsultantLeft) and fact.data.partner_id in upstream
    }
    places = {
        fact.data.partner_id
        for fact in log
        if isinstance(fact.data, ConsultantLinked) and fact.data.consultant_id in people
    } | upstream
    for _ in mergers:
        places |= {merger.into for merger in mergers if merger.partner_id in places}
    wanted: set[str] = set()
    for fact in log:
        data = fact.data
        if (
            getattr(data, "partner_id", None) == partner
            or (isinstance(data, PartnerClosed | PartnersMerged) and data.partner_id in places)
            or isinstance(data, PortalChangeDeclared | PortalChangeCorrected | PolicyRevised)
            or (not isinstance(data, FactVoided) and consultant_of(log, fact) in people)
            or (isinstance(data, FactVoided) and data.fact_id in wanted)
        ):
            wanted.add(fact.fact_id)
    return [tuple(fact for fact in group if fact.fact_id in wanted) for group in groups]


def _steps_with_knowledge(groups: Sequence[Group], partner: str) -> Iterator[tuple[int, Step]]:
    """Every step with the number of facts of the history known by then."""
    fold = PartnerHistory(partner, PARAMETERS)
    for known, group in enumerate(groups):
        if group:
            for step in fold.fire_timers(group[0].recorded_at):
                yield known, step
            yield known + 1, fold.record(group)


def _standing_announcements(steps: Sequence[Step]) -> Counter[tuple[str, Name, datetime]]:
    """(product, name, effective instant) of what was announced and not taken back."""
    names = {type_: name for name, type_ in TYPE_OF.items()}
    standing: dict[str, list[tuple[str, Name, datetime]]] = {}
    for step in steps:
        for event in step.events:
            retracts = _data(event).retracts
            if retracts is None:
                standing[event.event_id] = [(p, names[event.type], event.effective_at) for p in event.products]
            else:
                del standing[retracts.event_id]
    return Counter(key for keys in standing.values() for key in keys)


def _data(event: ComplianceEvent) -> ComplianceEventData:
    return msgspec.json.decode(event.data, type=ComplianceEventData)
