"""Records what a caller reports: loads, decides and appends, and starts over when a newer fact came in between.

Neither a repeated call nor a broken connection records twice: the appending transaction looks up the idempotency key
(R34).
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from random import uniform
from typing import Final, assert_never

import msgspec

from services.certification.decision import (
    Conditional,
    Decided,
    RequestReceipt,
    decide,
    decide_about_partner,
    follows_registration,
    scope,
)
from services.certification.domain.fact_report import FactReport, Repeated, StatedScore, named_products
from services.certification.domain.no_effect import why_no_effect
from services.certification.event_store.append_request import Outcome, Row
from services.certification.event_store.store import EventStore
from services.certification.event_store.stored_facts import FoundFact, StoredFact, content_hash, stored_fact
from services.certification.event_store.streams import stream_of
from services.web.refusal import IdempotencyKeyReused
from services.web.sold_products import require_sold
from shared.events.envelope import Fact
from shared.events.facts import (
    AboutPartner,
    AttemptScored,
    CertificationRecognised,
    CourseCompleted,
    ExamRegistered,
    FactVoided,
    PolicyRevised,
    PortalChangeCorrected,
    PortalChangeDeclared,
    RevocationOrdered,
    ScoreCorrected,
)
from shared.rules.no_effect_reasons import NoEffect, takes_effect_later

PAUSE_SECONDS: Final = 0.002
"""The longest pause before the second try; it doubles with each further try."""

PAUSE_SECONDS_MAX: Final = 0.1

KNOWN_MAX: Final = 5_000
"""So many facts of one person or stream are looked at to repeat what was said of a fact when it was recorded."""


class Answer(msgspec.Struct, frozen=True):
    """The answer to a report: the fact, the last position appended with it, and whether it is held (R35).

    `no_effect`: why it changed nothing when it was recorded, as far as certification knows. `replayed`: an earlier call
    recorded it; the rest repeats the answer to that call. `rows`: of a check, the fact and its
    decisions; else empty.
    """

    fact: Fact
    position: int
    held: bool
    replayed: bool
    no_effect: NoEffect | None = None
    rows: tuple[Row, ...] = ()


async def record(store: EventStore, products: Sequence[str], report: FactReport, receipt: RequestReceipt) -> Answer:
    """Records the fact with the decisions that follow from it, or finds it recorded before. `products`: those sold.

    Calls about one subject take turns within a process. When another process stores a newer fact between load and
    append, the call pauses and decides again; the pause grows.
    Raises `UnknownProduct` (R2), the refusals of the stream that the fact concerns, `IdempotencyKeyReused` (R34),
    `Overloaded` and `Unavailable`.
    """
    require_sold(named_products(report), products, parameter=None)
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
                for pause_seconds_max in pauses():
                    answer = await _decide_and_append(store, report, report.data, target, receipt, deadline.when)
                    if answer is not None:
                        return answer
                    if _subject(store, report.data, target) != subject:
                        break  # the registration's owner became known
                    await asyncio.sleep(uniform(0, pause_seconds_max))


def pauses() -> Iterator[float]:
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
        case (
            AttemptScored()
            | ScoreCorrected()
            | StatedScore()
            | PortalChangeDeclared()
            | PortalChangeCorrected()
            | PolicyRevised()
        ):
            stream = stream_of(data)
            return store.consultant_of(stream) or stream
        case FactVoided(fact_id):
            if target is None:
                return fact_id
            routing = target.stored.routing
            if follows_registration(target.stored):
                return store.consultant_of(routing.originator_id) or routing.originator_id
            return routing.consultant_id or routing.originator_id
        case _:
            assert_never(data)


async def _append_about_partner(
    store: EventStore, report: FactReport, data: AboutPartner, receipt: RequestReceipt, deadline: float
) -> Answer | None:
    decision = decide_about_partner(report, data, receipt)
    return await _answer(store, report, receipt, decision, await store.append(decision.call, deadline))


async def _decide_and_append(
    store: EventStore,
    report: FactReport,
    data: Conditional,
    target: FoundFact | None,
    receipt: RequestReceipt,
    deadline: float,
) -> Answer | None:
    """None: a newer fact came in between."""
    depends_on = scope(data, report.effective_at, None if target is None else target.stored.fact)
    loaded = await store.load(receipt.actor, receipt.idempotency_key, depends_on)
    if loaded.receipt is not None:
        return await _first_answer(store, loaded.receipt, loaded.salt, report, receipt)
    decision = await store.aside(len(loaded.facts), partial(decide, report, data, loaded, receipt))
    if isinstance(decision, Repeated):
        stored = next(stored for stored in loaded.facts if stored.fact == decision.fact)
        return earlier(stored, () if isinstance(data, StatedScore) else await _known_then(store, stored))
    return await _answer(store, report, receipt, decision, await store.append(decision.call, deadline))


async def _answer(
    store: EventStore, report: FactReport, receipt: RequestReceipt, decision: Decided, outcome: Outcome
) -> Answer | None:
    """The answer to the caller; None: a newer fact came in between."""
    match outcome.outcome:
        case "replayed" if outcome.fact_id != report.fact_id:
            loaded = await store.load(receipt.actor, receipt.idempotency_key)
            assert loaded.receipt is not None, "facts are never deleted"
            return await _first_answer(store, loaded.receipt, loaded.salt, report, receipt)
        case _:
            return answer_of(decision, outcome)


def answer_of(decision: Decided, outcome: Outcome) -> Answer | None:
    """The answer if the append recorded the fact, now or at an earlier try whose reply was lost; else None."""
    fact = decision.recorded.fact
    if outcome.recorded_at is None or outcome.position is None or outcome.fact_id != fact.fact_id:
        return None
    effective_at = decision.call.facts[0].effective_at or outcome.recorded_at
    fact = msgspec.structs.replace(fact, recorded_at=outcome.recorded_at, effective_at=effective_at)
    return new_answer(fact, outcome.position, decision, replayed=False)


def new_answer(fact: Fact, position: int, decision: Decided, *, replayed: bool) -> Answer:
    """The answer to a report that was decided so. `fact`: as it is recorded."""
    later: NoEffect | None = "takes_effect_later" if takes_effect_later(fact, fact.recorded_at) else None
    return Answer(fact, position, decision.recorded.held, replayed, decision.no_effect or later)


async def _first_answer(
    store: EventStore, first: StoredFact, salt: bytes, report: FactReport, receipt: RequestReceipt
) -> Answer:
    require_same_content(first, salt, receipt)
    return earlier(first, await _known_then(store, first), replayed=first.fact.fact_id != report.fact_id)


def require_same_content(first: StoredFact, salt: bytes, receipt: RequestReceipt) -> None:
    """Raises `IdempotencyKeyReused` if the fact recorded under the key came with other content."""
    if first.content_hash != content_hash(salt, receipt.content):
        raise IdempotencyKeyReused("The key was used with other content, or its text was erased since.")


def earlier(stored: StoredFact, known: Iterable[Fact], *, replayed: bool = True) -> Answer:
    """The answer that was given when the fact was recorded. `known`: the facts of `why_no_effect`, later ones too."""
    fact = stored.fact
    then = [other for other in known if 0 < other.position <= fact.append_position]
    no_effect = why_no_effect(fact, then) if then else None
    if no_effect is None and takes_effect_later(fact, fact.recorded_at):
        no_effect = "takes_effect_later"
    return Answer(fact, fact.append_position, bool(stored.held), replayed, no_effect)


async def _known_then(store: EventStore, stored: StoredFact) -> Sequence[Fact]:
    """The facts from which a fact about a person, a registration or a portal change was decided, and later ones."""
    if isinstance(stored.fact.data, AboutPartner | PolicyRevised | FactVoided | ExamRegistered):
        return ()
    routing = stored.routing
    people = set() if routing.consultant_id is None else {routing.consultant_id}
    rows = await store.load_subjects(people, {routing.originator_id}, "", (), KNOWN_MAX)
    return await store.aside(len(rows), lambda: [stored_fact(row[5:]).fact for row in rows if row[5] is not None])
