"""Records what a caller reports: loads, decides and appends, and starts over when a newer fact came in between.

Neither a repeated call nor a broken connection records twice: the appending transaction looks up the idempotency key
(R34).
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial, reduce
from random import uniform
from typing import Final, assert_never

import msgspec

from services.certification.domain import consultant, exam_registration, partner, portal_change, void
from services.certification.domain.consultant import Consultant
from services.certification.domain.exam_registration import ExamRegistration
from services.certification.domain.portal_change import PortalChange
from services.certification.domain.reported_fact import FactReport, Recorded, Repeated, decided
from services.certification.event_store.append_request import (
    TICK,
    UNDATED,
    AppendRequest,
    Outcome,
    Row,
    provisional_instant,
    row,
)
from services.certification.event_store.decision_scope import NOTHING, Scope
from services.certification.event_store.store import EventStore, FoundFact, Loaded, StoredFact, content_hash
from services.certification.event_store.streams import routing_of, stream_of
from services.certification.personal_data import NO_TEXT, FreeText
from services.web.products import require_sold
from services.web.refusal import IdempotencyKeyReused
from shared.events.envelope import Fact
from shared.events.facts import (
    AboutConsultant,
    AboutPartner,
    AboutRegistration,
    AttemptScored,
    CertificationRecognised,
    CourseCompleted,
    ExamRegistered,
    FactVoided,
    GrantStatement,
    PortalChangeDeclared,
    RevocationOrdered,
    ScoreCorrected,
    products_of,
)

Conditional = AboutConsultant | AboutRegistration | PortalChangeDeclared | FactVoided
"""Decided on the condition that no newer fact is stored; facts about partners depend on no other."""

PAUSE_SECONDS: Final = 0.002
"""The longest pause before the second try; it doubles with each further try."""

PAUSE_SECONDS_MAX: Final = 0.1


class RequestReceipt(msgspec.Struct, frozen=True):
    """The caller, its idempotency key, and the content of its call (method, path and body as sent).

    `free_text` goes into a table of its own, with its salt, which is empty without a text.
    """

    actor: str
    idempotency_key: str
    content: bytes
    free_text: FreeText = NO_TEXT


class Answer(msgspec.Struct, frozen=True):
    """The answer to a report: the fact, the last position appended with it, and whether it is held (R35).

    `replayed`: an earlier call recorded it; the rest repeats the answer to that call.
    """

    fact: Fact
    position: int
    held: bool
    replayed: bool


class DecisionClock(msgspec.Struct, frozen=True):
    """The instant for which a fact is decided, and the bounds within which the decision holds.

    Without an `effective_at`, the fact takes effect when it is recorded, which only the database knows. We decide with
    a provisional instant distinct from every instant already loaded; the append is rejected as stale if another
    relevant instant lies between the provisional and the real one.
    """

    now: datetime
    not_before: datetime | None = None
    stale_at: datetime | None = None


async def record(store: EventStore, products: Sequence[str], report: FactReport, receipt: RequestReceipt) -> Answer:
    """Records the fact with the decisions that follow from it, or finds it recorded before. `products`: those sold.

    Calls about one subject take turns within a process. When another process stores a newer fact between load and
    append, the call pauses and decides again; the pause grows.
    Raises `UnknownProduct` (R2), the refusals of the stream that the fact concerns, `IdempotencyKeyReused` (R34),
    `Overloaded` and `Unavailable`.
    """
    require_sold(products_of(report.data), products, parameter=None)
    async with store.within_deadline() as deadline:
        if isinstance(report.data, AboutPartner):
            while True:
                answer = await _append_about_partner(store, report, report.data, receipt, deadline.when)
                if answer is not None:
                    return answer
        target = await store.fact(report.data.fact_id) if isinstance(report.data, FactVoided) else None
        while True:
            subject = _subject(store, report.data, target)
            async with store.turns.of(subject):
                for pause_seconds_max in _pauses():
                    answer = await _decide_and_append(store, report, report.data, target, receipt, deadline.when)
                    if answer is not None:
                        return answer
                    if _subject(store, report.data, target) != subject:
                        break  # the registration's owner became known
                    await asyncio.sleep(uniform(0, pause_seconds_max))


def _pauses() -> Iterator[float]:
    """The longest pause before each further try, in seconds."""
    pause = PAUSE_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, PAUSE_SECONDS_MAX)


def _subject(store: EventStore, data: Conditional, target: FoundFact | None) -> str:
    """The subject on which calls take turns: facts of one subject can be conditions of each other."""
    match data:
        case CourseCompleted() | CertificationRecognised() | RevocationOrdered() | ExamRegistered():
            return data.consultant_id
        case AttemptScored() | ScoreCorrected() | PortalChangeDeclared():
            stream = stream_of(data)
            return store.consultant_of(stream) or stream
        case FactVoided(fact_id):
            if target is None:
                return fact_id
            routing = target.stored.routing
            if _follows_registration(target.stored):
                return store.consultant_of(routing.originator_id) or routing.originator_id
            return routing.consultant_id or routing.originator_id
        case _:
            assert_never(data)


async def _append_about_partner(
    store: EventStore, report: FactReport, data: AboutPartner, receipt: RequestReceipt, deadline: float
) -> Answer | None:
    clock = DecisionClock(provisional_instant(UNDATED, (), msgspec.json.encode(report)))
    recorded = partner.decide(report, data, clock.now)
    rows = (row(recorded.fact, routing_of(data, None, None), clock.now),)
    outcome = await store.append(_append_request(receipt, recorded, rows, clock), deadline)
    return await _answer(store, report, receipt, recorded, outcome)


async def _decide_and_append(
    store: EventStore,
    report: FactReport,
    data: Conditional,
    target: FoundFact | None,
    receipt: RequestReceipt,
    deadline: float,
) -> Answer | None:
    """None: a newer fact came in between."""
    loaded = await store.load(receipt.actor, receipt.idempotency_key, _scope(data, report.effective_at, target))
    if loaded.receipt is not None:
        return _first_answer(loaded.receipt, loaded.salt, report, receipt)
    decision = await store.aside(len(loaded.facts), partial(_decided, report, data, loaded, receipt))
    if isinstance(decision, Repeated):
        return next(_earlier(stored) for stored in loaded.facts if stored.fact == decision.fact)
    what, call = decision
    outcome = await store.append(call, deadline)
    return await _answer(store, report, receipt, what, outcome)


def _decided(
    report: FactReport, data: Conditional, loaded: Loaded, receipt: RequestReceipt
) -> tuple[Recorded, AppendRequest] | Repeated:
    """The fact to record, and the request that appends it."""
    clock = _decision_clock(report, loaded, msgspec.json.encode(report))
    what = _decide(report, data, loaded, clock.now)
    if isinstance(what, Repeated):
        return what
    return what, _append_request(receipt, what, _rows(what.fact, loaded, clock), clock, loaded)


async def _answer(
    store: EventStore, report: FactReport, receipt: RequestReceipt, recorded: Recorded, outcome: Outcome
) -> Answer | None:
    """The answer to the caller; None: a newer fact came in between."""
    match outcome.outcome:
        case "conflict" | "stale":
            return None
        case "replayed" if outcome.fact_id != report.fact_id:
            loaded = await store.load(receipt.actor, receipt.idempotency_key)
            assert loaded.receipt is not None, "facts are never deleted"
            return _first_answer(loaded.receipt, loaded.salt, report, receipt)
        case "recorded" | "replayed":
            assert outcome.recorded_at is not None
            assert outcome.position is not None
            fact = report.fact(outcome.recorded_at)
            return Answer(fact, outcome.position, recorded.held, replayed=False)
        case _:
            assert_never(outcome.outcome)


def _scope(data: Conditional, effective_at: datetime | None, target: FoundFact | None) -> Scope:
    """The facts on which the decision may depend. `target`: the fact to void."""
    match data:
        case CourseCompleted(consultant_id, product, portal_change_id):
            return Scope(consultant_id, None, None, product, portal_change_id, effective_at, "course")
        case CertificationRecognised(consultant_id, product):
            return Scope(consultant_id, None, None, product, None, effective_at)
        case RevocationOrdered(consultant_id, product):
            return Scope(consultant_id, None, None, product, None, effective_at, "whole")
        case ExamRegistered(_, consultant_id, product, portal_change_id):
            return Scope(consultant_id, stream_of(data), None, product, portal_change_id, effective_at)
        case AttemptScored() | ScoreCorrected() | PortalChangeDeclared():
            return Scope(originator_id=stream_of(data), effective_at=effective_at)
        case FactVoided():
            return NOTHING if target is None else _scope_of_void(target.stored.fact)
        case _:
            assert_never(data)


def _scope_of_void(target: Fact) -> Scope:
    """The facts on which the consequences of voiding this fact may depend."""
    scope = NOTHING
    match target.data:
        case CourseCompleted() | RevocationOrdered():
            scope = _scope(target.data, target.effective_at, None)._replace(extent="whole")
        case CertificationRecognised() | ExamRegistered() | AttemptScored() | ScoreCorrected() | PortalChangeDeclared():
            scope = _scope(target.data, target.effective_at, None)
        case _:
            pass
    return scope._replace(fact_id=target.fact_id)


def _follows_registration(stored: StoredFact) -> bool:
    """Whether the fact belongs to its registration's present owner, who can change after a void (R33)."""
    return isinstance(stored.fact.data, AttemptScored | ScoreCorrected)


def _decide(report: FactReport, data: Conditional, loaded: Loaded, now: datetime) -> Recorded | Repeated:
    match data:
        case CourseCompleted() | CertificationRecognised() | RevocationOrdered():
            return consultant.decide(report, data, now)
        case ExamRegistered() | AttemptScored() | ScoreCorrected():
            registration = reduce(exam_registration.evolve, _stream(loaded), ExamRegistration())
            return exam_registration.decide(registration, report, data, now)
        case PortalChangeDeclared():
            change = reduce(portal_change.evolve, _stream(loaded), PortalChange())
            return portal_change.decide(change, report, data, now)
        case FactVoided():
            return void.decide([stored.fact for stored in loaded.facts], report, data, now)
        case _:
            assert_never(data)


def _stream(loaded: Loaded) -> Iterator[Fact]:
    """The facts of the one stream that was loaded in full."""
    return (stored.fact for stored in loaded.facts if stored.routing.originator_id == loaded.originator_id)


def _decision_clock(report: FactReport, loaded: Loaded, said: bytes) -> DecisionClock:
    if not loaded.running:
        return DecisionClock(loaded.now, loaded.now, loaded.now + TICK)
    taken = {stored.fact.effective_at for stored in loaded.facts}
    taken |= {stored.fact.data.granted_at for stored in loaded.facts if isinstance(stored.fact.data, GrantStatement)}
    now = provisional_instant(loaded.now, taken, said)
    stale_at = min((instant for instant in taken if instant > now), default=None)
    return DecisionClock(now, now, stale_at if report.effective_at is None else None)


def _rows(fact: Fact, loaded: Loaded, clock: DecisionClock) -> tuple[Row, ...]:
    """The fact and the decisions that follow from it."""
    voided, voided_fact_id = None, None
    if isinstance(fact.data, FactVoided):
        voided_fact_id = fact.data.fact_id
        target = next(stored for stored in loaded.facts if stored.fact.fact_id == voided_fact_id)
        voided = target.routing
        if _follows_registration(target):
            voided = msgspec.structs.replace(voided, consultant_id=loaded.consultant_id)
    routing = routing_of(fact.data, loaded.consultant_id, voided)
    return (
        row(fact, routing, clock.now, voided_fact_id),
        *(row(decision, routing_of(decision.data, None, None), clock.now) for decision in _decisions(fact, loaded)),
    )


def _decisions(fact: Fact, loaded: Loaded) -> tuple[Fact, ...]:
    """The decisions about the consultant that follow from the fact; none while no one is registered (R35)."""
    if loaded.consultant_id is None:
        return ()
    person = consultant.evolve(Consultant(loaded.consultant_id), *(stored.fact for stored in loaded.facts))
    return decided(fact, consultant.follow(person, fact))


def _append_request(
    receipt: RequestReceipt,
    recorded: Recorded,
    rows: tuple[Row, ...],
    clock: DecisionClock,
    loaded: Loaded | None = None,
) -> AppendRequest:
    """The request to append the rows on the condition that no newer fact is stored than those loaded."""
    return AppendRequest(
        actor=receipt.actor,
        idempotency_key=receipt.idempotency_key,
        content_hash=_hex(content_hash(receipt.free_text.salt, receipt.content)),
        facts=rows,
        held=recorded.held,
        free_text=receipt.free_text.text,
        salt=_hex(receipt.free_text.salt),
        consultant_id=loaded.consultant_id if loaded else None,
        consultant_seen=loaded.consultant_seen if loaded else None,
        originator_id=loaded.originator_id if loaded else None,
        originator_seen=loaded.originator_seen if loaded else None,
        not_before=clock.not_before,
        stale_at=clock.stale_at,
    )


def _first_answer(first: StoredFact, salt: bytes, report: FactReport, receipt: RequestReceipt) -> Answer:
    """The fact recorded under the key, if the content is the same; not a replay when this call recorded it."""
    if first.content_hash != content_hash(salt, receipt.content):
        raise IdempotencyKeyReused("The key was used with other content, or for a text that was erased since.")
    return _earlier(first, replayed=first.fact.fact_id != report.fact_id)


def _earlier(stored: StoredFact, *, replayed: bool = True) -> Answer:
    return Answer(stored.fact, stored.fact.append_position, bool(stored.held), replayed)


def _hex(data: bytes) -> str:
    return "\\x" + data.hex()
