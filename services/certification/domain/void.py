"""Voiding a fact that was recorded in error, and what still stands of a log (R33)."""

from collections.abc import Iterable
from datetime import datetime

from services.certification.domain.fact_report import FactReport, Recorded
from services.certification.domain.refusals import AlreadyVoided, DatedInTheFuture, NotFound, NotVoidable
from shared.events.envelope import Fact
from shared.events.facts import DECIDED, SYSTEM, FactVoided


def decide(facts: Iterable[Fact], report: FactReport, data: FactVoided, now: datetime) -> Recorded:
    """Voids a fact among `facts`, which hold it and everything recorded after it in its stream.

    Raises `NotFound`, `NotVoidable`, `AlreadyVoided` (R33) and `DatedInTheFuture` (R36).
    """
    target: Fact | None = None
    for fact in facts:
        if fact.fact_id == data.fact_id:
            target = fact
        elif isinstance(fact.data, FactVoided) and fact.data.fact_id == data.fact_id:
            raise AlreadyVoided(f"Fact {data.fact_id} is already voided, by {fact.fact_id}.", recorded=fact)
    if target is None:
        raise NotFound(f"No fact {data.fact_id} was ever recorded.")
    if isinstance(target.data, FactVoided):
        raise NotVoidable(f"Fact {data.fact_id} is a void, and a void is final: record again what did happen.")
    if type(target.data) in DECIDED:
        raise NotVoidable(f"Fact {data.fact_id} is a decision of this service: void the fact that it follows from.")
    if type(target.data) in SYSTEM:
        raise NotVoidable(f"Fact {data.fact_id} is about the system itself, recorded by its owner, and is final.")
    if report.effective_at is not None and report.effective_at > now:
        raise DatedInTheFuture("A void cannot take effect in the future.")
    return Recorded(report.fact(now))


def standing(facts: Iterable[Fact]) -> list[Fact]:
    """The reported facts, in the order given, without voids, decisions and what was voided."""
    kept: dict[str, Fact] = {}
    for fact in facts:
        if isinstance(fact.data, FactVoided):
            kept.pop(fact.data.fact_id, None)
        elif type(fact.data) not in DECIDED:
            kept[fact.fact_id] = fact
    return list(kept.values())
