"""Recording what a caller reports: load, decide, append; again where something newer came in between.

Neither a repeated call nor a broken connection records twice: the idempotency key is looked up in the
transaction that appends (R34).
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from functools import reduce
from typing import assert_never

import msgspec

from services.certification import consultant, exam_registration, partner, portal_change, void
from services.certification.consultant import AboutConsultant, Consultant
from services.certification.event_store.calls import (
    TICK,
    UNDATED,
    Call,
    Row,
    provisional_instant,
    row,
)
from services.certification.event_store.store import EventStore, Loaded, StoredFact, content_hash
from services.certification.event_store.streams import routing_of, stream_of
from services.certification.exam_registration import AboutRegistration, ExamRegistration
from services.certification.personal_data import NO_TEXT, FreeText
from services.certification.portal_change import PortalChange
from services.certification.products import refuse_unknown
from services.certification.refusals import IdempotencyKeyReused
from services.certification.report import Recorded, Repeated, Report, decided
from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    CourseCompleted,
    ExamRegistered,
    FactVoided,
    PortalChangeDeclared,
    RevocationOrdered,
    ScoreCorrected,
)

Conditional = AboutConsultant | AboutRegistration | PortalChangeDeclared | FactVoided
"""What is decided on condition that nothing newer is stored; facts about partners depend on nothing."""


class Asked(msgspec.Struct, frozen=True):
    """Who asks, under which key, and with what content (method, path and body as sent).

    `free_text` goes into a table of its own, with its salt, which is empty where there is no text.
    """

    actor: str
    idempotency_key: str
    content: bytes
    free_text: FreeText = NO_TEXT


class Answer(msgspec.Struct, frozen=True):
    """What a caller is told: the fact, the last position of what was appended with it, and what it waits for.

    `replayed`: it was recorded by an earlier call; the rest is what that call was told.
    """

    fact: Fact
    position: int
    held: bool
    replayed: bool


class Moment(msgspec.Struct, frozen=True):
    """The instant for which something is decided, and from when on it would have to be decided anew.

    Where `effective_at` is left open it is the instant of recording, and decisions are made of it: the instant
    decided for stands in for it, differs from every other that matters, and no other may lie between the two.
    """

    now: datetime
    not_before: datetime | None = None
    stale_at: datetime | None = None


def record(store: EventStore, products: Collection[str], report: Report, asked: Asked) -> Answer:
    """Records the fact with the decisions that follow from it, or finds it recorded before.

    Where something newer is stored between reading and appending it decides again. `products`: what is sold.
    Raises `UnknownProduct` (R2), the refusals of the stream that the fact concerns, `IdempotencyKeyReused` (R34)
    and `Unavailable`.
    """
    refuse_unknown(report.data, products)
    with store.within_deadline():
        while True:
            answer = _try(store, report, asked)
            if answer is not None:
                return answer


def _try(store: EventStore, report: Report, asked: Asked) -> Answer | None:
    """None: something newer came in between."""
    said = msgspec.json.encode(report)
    if isinstance(report.data, partner.AboutPartner):
        moment = Moment(provisional_instant(UNDATED, (), said))
        recorded = partner.decide(report, report.data, moment.now)
        rows = (row(recorded.fact, routing_of(report.data, None, None), moment.now),)
        outcome = store.append(_call(asked, recorded, rows, moment))
    else:
        loaded = _load(store, report.data, asked)
        if loaded.receipt is not None:
            return _first_answer(loaded.receipt, loaded.salt, report, asked)
        moment = _moment(report, loaded, said)
        what = _decide(report, report.data, loaded, moment.now)
        if isinstance(what, Repeated):
            return next(_earlier(each) for each in loaded.facts if each.fact == what.fact)
        recorded = what
        outcome = store.append(_call(asked, recorded, _rows(recorded.fact, loaded, moment), moment, loaded))
    match outcome.outcome:
        case "conflict" | "stale":
            return None
        case "replayed" if outcome.fact_id != report.fact_id:
            loaded = store.load(asked.actor, asked.idempotency_key)
            assert loaded.receipt is not None, "facts are never deleted"
            return _first_answer(loaded.receipt, loaded.salt, report, asked)
        case "recorded" | "replayed":
            assert outcome.recorded_at is not None
            assert outcome.position is not None
            fact = report.fact(outcome.recorded_at)
            return Answer(fact, outcome.position, recorded.held, replayed=False)
        case _:
            assert_never(outcome.outcome)


def _load(store: EventStore, data: Conditional, asked: Asked) -> Loaded:
    """What the decision about the report may depend on."""
    who = (asked.actor, asked.idempotency_key)
    match data:
        case CourseCompleted() | CertificationRecognised() | RevocationOrdered():
            return store.load(*who, consultant_id=data.consultant_id)
        case ExamRegistered():
            return store.load(*who, consultant_id=data.consultant_id, originator_id=stream_of(data))
        case AttemptScored() | ScoreCorrected() | PortalChangeDeclared():
            return store.load(*who, originator_id=stream_of(data))
        case FactVoided(fact_id):
            found = store.fact(fact_id)
            if found is None:
                return store.load(*who)
            target = found.stored.routing
            return store.load(
                *who,
                consultant_id=None if _follows_registration(found.stored) else target.consultant_id,
                originator_id=None if target.partner_id else target.originator_id,
                fact_id=fact_id,
            )
        case _:
            assert_never(data)


def _follows_registration(stored: StoredFact) -> bool:
    """Whether the fact is about whoever is registered now: its registration may have been voided since (R33)."""
    return isinstance(stored.fact.data, AttemptScored | ScoreCorrected)


def _decide(report: Report, data: Conditional, loaded: Loaded, now: datetime) -> Recorded | Repeated:
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
            return void.decide([each.fact for each in loaded.facts], report, data, now)
        case _:
            assert_never(data)


def _stream(loaded: Loaded) -> Iterator[Fact]:
    """The facts of the stream that was loaded whole."""
    return (each.fact for each in loaded.facts if each.routing.originator_id == loaded.originator_id)


def _moment(report: Report, loaded: Loaded, said: bytes) -> Moment:
    if not loaded.running:
        return Moment(loaded.now, loaded.now, loaded.now + TICK)
    taken = {each.fact.effective_at for each in loaded.facts}
    now = provisional_instant(loaded.now, taken, said)
    stale_at = min((instant for instant in taken if instant > now), default=None)
    return Moment(now, now, stale_at if report.effective_at is None else None)


def _rows(fact: Fact, loaded: Loaded, moment: Moment) -> tuple[Row, ...]:
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
        row(fact, routing, moment.now, voided_fact_id),
        *(row(decision, routing_of(decision.data, None, None), moment.now) for decision in _decisions(fact, loaded)),
    )


def _decisions(fact: Fact, loaded: Loaded) -> tuple[Fact, ...]:
    """The decisions about the consultant that follow from the fact; none while nobody is registered (R35)."""
    if loaded.consultant_id is None:
        return ()
    person = reduce(consultant.evolve, (stored.fact for stored in loaded.facts), Consultant(loaded.consultant_id))
    return decided(fact, consultant.follow(person, fact))


def _call(
    asked: Asked, recorded: Recorded, rows: tuple[Row, ...], moment: Moment, loaded: Loaded | None = None
) -> Call:
    """The call to append the rows, on condition that nothing newer is stored than what was loaded."""
    return Call(
        actor=asked.actor,
        idempotency_key=asked.idempotency_key,
        content_hash=_hex(content_hash(asked.free_text.salt, asked.content)),
        facts=rows,
        held=recorded.held,
        free_text=asked.free_text.text,
        salt=_hex(asked.free_text.salt),
        consultant_id=loaded.consultant_id if loaded else None,
        consultant_seen=loaded.consultant_seen if loaded else None,
        originator_id=loaded.originator_id if loaded else None,
        originator_seen=loaded.originator_seen if loaded else None,
        not_before=moment.not_before,
        stale_at=moment.stale_at,
    )


def _first_answer(first: StoredFact, salt: bytes, report: Report, asked: Asked) -> Answer:
    """What the key stands for, if its content is the same; not replayed where it is this very call's own fact."""
    if first.content_hash != content_hash(salt, asked.content):
        raise IdempotencyKeyReused("The key was used with other content, or for a text that was erased since.")
    return _earlier(first, replayed=first.fact.fact_id != report.fact_id)


def _earlier(stored: StoredFact, *, replayed: bool = True) -> Answer:
    return Answer(stored.fact, stored.fact.append_position, bool(stored.held), replayed)


def _hex(data: bytes) -> str:
    return "\\x" + data.hex()
