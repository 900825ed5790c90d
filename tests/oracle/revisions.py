"""Random revisions of the policy, written into a history that is there."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sagecert_verify.derive.london import london_day, midnight_ending
from tests.oracle.rules.facts import ConsultantLeft, ConsultantLinked, Fact, FactVoided, PolicyRevised

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
WINDOW_DAYS = (1, 7, 30, 45)


def deadline(instant: datetime, window_days: int = 30) -> datetime:
    """When a window that opens at the instant runs out."""
    return midnight_ending(london_day(instant) + timedelta(days=window_days))


def under_revisions(random: Random, history: list[Fact], instants: Sequence[datetime]) -> list[Fact]:
    """In two histories of five the policy is revised, once to three times; the facts of the others stay as they are.

    `instants`: when things happen.
    """
    return history if random.random() < 0.6 else revised(random, history, instants, random.choice((1, 1, 2, 3)))


def revised(random: Random, history: list[Fact], instants: Sequence[datetime], revisions: int) -> list[Fact]:
    """The policy is revised so often."""
    author = _Author(random, history, instants)
    for _ in range(revisions):
        author.revise()
    return author.in_log_order()


class _Author:
    def __init__(self, random: Random, history: list[Fact], instants: Sequence[datetime]) -> None:
        self.random = random
        self.history = history
        self.instants = instants
        self.links = [fact for fact in history if isinstance(fact, ConsultantLinked)]
        self.written: list[Fact] = []

    def in_log_order(self) -> list[Fact]:
        """What was written, each fact before or after the others of its recording."""
        ordered = list(self.history)
        for fact in self.written:
            after = fact.recorded_at if self.random.random() < 0.5 else fact.recorded_at - MICROSECOND
            places = [place for place, other in enumerate(ordered) if other.recorded_at <= after]
            ordered.insert(places[-1] + 1 if places else 0, fact)
        return ordered

    def revise(self) -> None:
        """The policy changes in one term or two, now or later; some are voided, some recorded again under their id.

        One in twenty is dated back, which is refused. At its instant, or at a deadline that it sets, somebody comes or
        goes.
        """
        at = self.random.choice(self.instants)
        ahead = self.random.choice((timedelta(), timedelta(), timedelta(), MICROSECOND, DAY, 35 * DAY))
        recorded_at = at + MICROSECOND if self.random.random() < 0.05 else at - ahead
        fact_id, policy = self._id(), f"policy-{len(self.written) + 1}"
        revision = PolicyRevised(fact_id, at, recorded_at, policy, **self._terms())
        self.written.append(revision)
        for _ in range(self.random.choice((0, 1, 2))):
            days = revision.window_days or 30
            when = self.random.choice((at, at, deadline(at, days), deadline(self.random.choice(self.instants), days)))
            event = self.random.choice((ConsultantLeft, ConsultantLeft, ConsultantLinked))
            link = self.random.choice(self.links)
            self.written.append(event(self._id(), when, when, link.partner, link.consultant))
        if self.random.random() < 0.3:
            self._mistake(revision)

    def _mistake(self, revision: PolicyRevised) -> None:
        void = FactVoided(self._id(), *(self._later(revision.recorded_at),) * 2, revision.fact_id)
        self.written.append(void)
        if self.random.random() < 0.5:
            recorded_at = self._later(void.recorded_at)
            effective_at = max(recorded_at, revision.effective_at)
            again = PolicyRevised(self._id(), effective_at, recorded_at, revision.policy, **self._terms())
            self.written.append(again)

    def _id(self) -> str:
        return f"p{len(self.written) + 1}"

    def _later(self, instant: datetime) -> datetime:
        return instant + self.random.choice((MICROSECOND, DAY, 19 * DAY))

    def _terms(self) -> dict[str, Any]:
        """What a revision changes: mostly one term."""
        terms: dict[str, Any] = {
            "window_days": self.random.choice(WINDOW_DAYS),
            "minimum": self.random.choice(({"VAR": 1}, {"VAR": 3}, {"DEVELOPER": 2}, {"VAR": 2, "DEVELOPER": 1})),
            "programmes": self.random.choice((("PARTNER_SUCCESS_PLUS",), ("PARTNER_SUCCESS", "RESELLER"))),
            "reminder_days": self.random.choice(((), (3,), (40, 2))),
        }
        named = self.random.choices(tuple(terms), (4, 6, 3, 1), k=self.random.choice((1, 1, 1, 2)))
        return {name: terms[name] for name in named}
