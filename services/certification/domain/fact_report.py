"""A caller's report, and the facts it becomes."""

from datetime import datetime
from typing import ClassVar

import msgspec

from shared.events.envelope import Fact
from shared.events.fact_class import Stream
from shared.events.facts import REGISTRATION, Attempt, Decision, Reported, products_of


class StatedScore(msgspec.Struct, frozen=True):
    """What a caller states; it becomes a fact, or none.

    `scored_at`: when the attempt was made, if the score is recorded now; None: at the instant of recording.
    `reason_hash`: SHA-256 of the reason of a correction.
    """

    stream: ClassVar[Stream] = REGISTRATION
    registration_id: str
    attempt: Attempt
    score: str
    scored_at: datetime | None = None
    reason_hash: str | None = None


class FactReport(msgspec.Struct, frozen=True):
    """A caller says that something happened.

    `effective_at`: when it was true, in UTC; None: at the instant of recording.
    `fact_id`: the id under which it is recorded if it is. `history`: it is loaded afterwards.
    """

    fact_id: str
    data: Reported | StatedScore
    effective_at: datetime | None = None
    actor: str = ""
    correlation_id: str = ""
    history: bool = False

    def fact(self, now: datetime, data: Reported | None = None) -> Fact:
        """The fact as it is recorded at `now`. `data`: what became of a stated score."""
        said = self.data if data is None else data
        assert not isinstance(said, StatedScore), "it becomes another fact, or none"
        return Fact(
            fact_id=self.fact_id,
            effective_at=self.effective_at or now,
            recorded_at=now,
            data=said,
            actor=self.actor,
            correlation_id=self.correlation_id or self.fact_id,
            history=self.history,
        )

    def repeats(self, fact: Fact) -> bool:
        """Whether it says the same as a recorded fact; the effective instant compares where the report gives one."""
        return fact.data == self.data and self.effective_at in (None, fact.effective_at)


def named_products(report: FactReport) -> tuple[str, ...]:
    """The products that the report names (R2); a score names none."""
    return () if isinstance(report.data, StatedScore) else products_of(report.data)


def decided(by: Fact, decisions: tuple[Decision, ...]) -> tuple[Fact, ...]:
    """The decisions that follow from a reported fact, as facts: same instants, ids derived from its id."""
    return tuple(
        Fact(
            fact_id=f"{by.fact_id}-{number}",
            effective_at=by.effective_at,
            recorded_at=by.recorded_at,
            data=decision,
            actor=by.actor,
            correlation_id=by.correlation_id,
            causation_id=by.fact_id,
            history=by.history,
        )
        for number, decision in enumerate(decisions, start=1)
    )


class Recorded(msgspec.Struct, frozen=True):
    """It is a new fact. `held`: it waits for its registration or attempt (R35)."""

    fact: Fact
    held: bool = False


class Repeated(msgspec.Struct, frozen=True):
    """It was recorded before, as this fact (R34)."""

    fact: Fact
