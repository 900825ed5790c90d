"""A caller's report, and the facts it becomes."""

from datetime import datetime

import msgspec

from shared.events.envelope import Fact
from shared.events.facts import Decision, Reported


class FactReport(msgspec.Struct, frozen=True):
    """A caller says that something happened.

    `effective_at`: when it was true, in UTC; None: at the instant of recording.
    `fact_id`: the id under which it is recorded if it is.
    """

    fact_id: str
    data: Reported
    effective_at: datetime | None = None
    actor: str = ""
    correlation_id: str = ""

    def fact(self, now: datetime) -> Fact:
        """The fact as it is recorded at `now`."""
        return Fact(
            fact_id=self.fact_id,
            effective_at=self.effective_at or now,
            recorded_at=now,
            data=self.data,
            actor=self.actor,
            correlation_id=self.correlation_id or self.fact_id,
        )

    def repeats(self, fact: Fact) -> bool:
        """Whether it says the same as a recorded fact; the effective instant compares where the report gives one."""
        return fact.data == self.data and self.effective_at in (None, fact.effective_at)


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
