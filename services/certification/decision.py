"""Decides what a report becomes: the facts to append, and the conditions under which they still hold. Pure."""

from collections.abc import Collection, Iterator
from datetime import datetime
from functools import reduce
from typing import NamedTuple, assert_never

import msgspec

from services.certification.domain import (
    consultant,
    exam_registration,
    partner,
    policy_revision,
    portal_change,
    stated_score,
    void,
)
from services.certification.domain.consultant import Consultant
from services.certification.domain.exam_registration import ExamRegistration
from services.certification.domain.fact_report import FactReport, Recorded, Repeated, StatedScore, decided
from services.certification.domain.no_effect import why_no_effect
from services.certification.domain.policy_revision import NO_REVISION
from services.certification.domain.portal_change import PortalChange
from services.certification.event_store.append_request import (
    TICK,
    UNDATED,
    AppendRequest,
    Row,
    provisional_instant,
    row,
)
from services.certification.event_store.decision_scope import NOTHING, Scope
from services.certification.event_store.stored_facts import Loaded, StoredFact, content_hash
from services.certification.event_store.streams import routing_of, stream_of
from services.certification.personal_data import NO_TEXT, FreeText
from shared.events.envelope import Fact
from shared.events.facts import (
    AboutConsultant,
    AboutPartner,
    AboutPortalChange,
    AboutRegistration,
    AttemptScored,
    CertificationRecognised,
    CourseCompleted,
    ExamRegistered,
    FactVoided,
    GrantStatement,
    PolicyRevised,
    PortalChangeCorrected,
    PortalChangeDeclared,
    RevocationOrdered,
    ScoreCorrected,
)
from shared.rules.no_effect_reasons import NoEffect

Conditional = AboutConsultant | AboutRegistration | StatedScore | AboutPortalChange | PolicyRevised | FactVoided
"""Decided on the condition that no newer fact is stored; facts about partners depend on no other."""


class RequestReceipt(msgspec.Struct, frozen=True):
    """The caller, its idempotency key, and the content of its call (method, path and body as sent).

    `free_text` goes into a separate table, with its salt, which is empty without a text.
    """

    actor: str
    idempotency_key: str
    content: bytes
    free_text: FreeText = NO_TEXT

    @property
    def content_hash(self) -> str:
        """As the append takes it."""
        return written_bytes(content_hash(self.free_text.salt, self.content))


class DecisionClock(NamedTuple):
    """The instant for which a fact is decided, and the bounds within which the decision holds.

    Without an `effective_at`, the fact takes effect when it is recorded, which only the database knows. We decide with
    a provisional instant distinct from every instant already loaded; the append is rejected as stale if another
    relevant instant lies between the provisional and the real one.
    """

    now: datetime
    not_before: datetime | None = None
    stale_at: datetime | None = None


class Decided(NamedTuple):
    """The fact to record with the decisions that follow from it, and the request that appends them.

    `no_effect`: why the fact changes nothing, whenever it is dated.
    """

    recorded: Recorded
    facts: tuple[Fact, ...]
    call: AppendRequest
    no_effect: NoEffect | None = None


def decide_about_partner(report: FactReport, data: AboutPartner, receipt: RequestReceipt) -> Decided:
    """The decision about a fact that depends on no other."""
    clock = DecisionClock(provisional_instant(UNDATED, (), msgspec.json.encode(report)))
    recorded = partner.decide(report, data, clock.now)
    rows = (row(recorded.fact, routing_of(data, None, None), clock.now),)
    return Decided(recorded, (recorded.fact,), _append_request(receipt, recorded, rows, clock))


def decide(report: FactReport, data: Conditional, loaded: Loaded, receipt: RequestReceipt) -> Decided | Repeated:
    """The decision about a fact that depends on those loaded. Raises the refusals of its stream."""
    clock = _decision_clock(report, loaded, msgspec.json.encode(report))
    what = _decide(report, data, loaded, clock.now)
    if isinstance(what, Repeated):
        return what
    if isinstance(what.fact.data, AttemptScored):
        receipt = msgspec.structs.replace(receipt, free_text=NO_TEXT)  # only a correction has a reason
    decisions = _decisions(what.fact, loaded)
    rows = _rows(what.fact, decisions, loaded, clock)
    facts = (what.fact, *decisions)
    no_effect = why_no_effect(what.fact, (*(stored.fact for stored in loaded.facts), *facts))
    return Decided(what, facts, _append_request(receipt, what, rows, clock, loaded), no_effect)


def scope(data: Conditional, effective_at: datetime | None, target: Fact | None) -> Scope:
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
        case StatedScore(scored_at=scored_at):
            return Scope(originator_id=stream_of(data), effective_at=scored_at)
        case AttemptScored() | ScoreCorrected():
            return Scope(originator_id=stream_of(data), effective_at=effective_at)
        case PortalChangeDeclared() | PortalChangeCorrected() | PolicyRevised():
            return Scope(originator_id=stream_of(data), effective_at=effective_at)
        case FactVoided():
            return NOTHING if target is None else _scope_of_void(target)
        case _:
            assert_never(data)


def _scope_of_void(target: Fact) -> Scope:
    """The facts on which the consequences of voiding this fact may depend."""
    found = NOTHING
    match target.data:
        case CourseCompleted() | RevocationOrdered():
            found = scope(target.data, target.effective_at, None)._replace(extent="whole")
        case CertificationRecognised() | ExamRegistered() | AttemptScored() | ScoreCorrected():
            found = scope(target.data, target.effective_at, None)
        case PortalChangeDeclared() | PortalChangeCorrected() | PolicyRevised():
            found = scope(target.data, target.effective_at, None)
        case _:
            pass
    return found._replace(fact_id=target.fact_id)


def follows_registration(stored: StoredFact) -> bool:
    """Whether the fact belongs to its registration's present owner, who can change after a void (R33)."""
    return isinstance(stored.fact.data, AttemptScored | ScoreCorrected)


def _decide(report: FactReport, data: Conditional, loaded: Loaded, now: datetime) -> Recorded | Repeated:
    match data:
        case CourseCompleted() | CertificationRecognised() | RevocationOrdered():
            return consultant.decide(report, data, now)
        case StatedScore():
            return stated_score.decide(_stream(loaded), report, data, now)
        case ExamRegistered() | AttemptScored() | ScoreCorrected():
            registration = reduce(exam_registration.evolve, _stream(loaded), ExamRegistration())
            return exam_registration.decide(registration, report, data, now)
        case PortalChangeDeclared() | PortalChangeCorrected():
            change = reduce(portal_change.evolve, _stream(loaded), PortalChange())
            return portal_change.decide(change, report, data, now)
        case PolicyRevised():
            revision = reduce(policy_revision.evolve, _stream(loaded), NO_REVISION)
            return policy_revision.decide(revision, report, data, now)
        case FactVoided():
            return void.decide([stored.fact for stored in loaded.facts], report, data, now)
        case _:
            assert_never(data)


def _stream(loaded: Loaded) -> Iterator[Fact]:
    """The facts of the one stream that was loaded in full."""
    return (stored.fact for stored in loaded.facts if stored.routing.originator_id == loaded.originator_id)


def _decision_clock(report: FactReport, loaded: Loaded, said: bytes) -> DecisionClock:
    taken = {stored.fact.effective_at for stored in loaded.facts}
    taken |= {stored.fact.data.granted_at for stored in loaded.facts if isinstance(stored.fact.data, GrantStatement)}
    clock = decision_clock(loaded.now, loaded.running, taken, said, dated=report.effective_at is not None)
    if loaded.running and isinstance(report.data, PolicyRevised) and report.effective_at is not None:
        return clock._replace(stale_at=report.effective_at + TICK)  # Recorded later, it would be refused (R39).
    return clock


def decision_clock(
    now: datetime, running: bool, taken: Collection[datetime], said: bytes, *, dated: bool
) -> DecisionClock:
    """The clock of a decision. `now`: that of the database, `running` or standing still. `taken`: instants that matter.

    `said`: what the caller says, as JSON. `dated`: the caller says when it takes effect.
    """
    if not running:
        return DecisionClock(now, now, now + TICK)
    provisional = provisional_instant(now, taken, said)
    stale_at = min((instant for instant in taken if instant > provisional), default=None)
    return DecisionClock(provisional, provisional, None if dated else stale_at)


def _rows(fact: Fact, decisions: tuple[Fact, ...], loaded: Loaded, clock: DecisionClock) -> tuple[Row, ...]:
    """The fact and the decisions that follow from it."""
    voided, voided_fact_id = None, None
    if isinstance(fact.data, FactVoided):
        voided_fact_id = fact.data.fact_id
        target = next(stored for stored in loaded.facts if stored.fact.fact_id == voided_fact_id)
        voided = target.routing
        if follows_registration(target):
            voided = msgspec.structs.replace(voided, consultant_id=loaded.consultant_id)
    routing = routing_of(fact.data, loaded.consultant_id, voided)
    return (
        row(fact, routing, clock.now, voided_fact_id),
        *(row(decision, routing_of(decision.data, None, None), clock.now) for decision in decisions),
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
        content_hash=receipt.content_hash,
        facts=rows,
        held=recorded.held,
        free_text=receipt.free_text.text,
        salt=written_bytes(receipt.free_text.salt),
        consultant_id=loaded.consultant_id if loaded else None,
        consultant_seen=loaded.consultant_seen if loaded else None,
        originator_id=loaded.originator_id if loaded else None,
        originator_seen=loaded.originator_seen if loaded else None,
        not_before=clock.not_before,
        stale_at=clock.stale_at,
    )


def written_bytes(data: bytes) -> str:
    """Bytes as PostgreSQL reads them."""
    return "\\x" + data.hex()
