"""What is told of made-up partners and people, in an order that time, haste and neglect give it."""

from datetime import UTC, datetime, timedelta
from random import Random

from sagecert_verify.derive.london import london_day, midnight_ending
from tests.oracle.revisions import DAY, MICROSECOND, deadline
from tests.oracle.rules.facts import AttemptScored, CertificationRecognised, CourseCompleted, ExamRegistered, Fact

History = list[Fact]

PRODUCTS = ("S200P", "S200S")
BEGINNINGS = (
    datetime(2022, 1, 4, 9, tzinfo=UTC),
    datetime(2022, 3, 1, 9, tzinfo=UTC),  # a window over the last Sunday of March loses an hour
    datetime(2022, 6, 30, 22, 30, tzinfo=UTC),  # 23:30 in London; half an hour later it is July there, not in UTC
    datetime(2022, 10, 2, 9, tzinfo=UTC),  # a window over the last Sunday of October gains an hour
)
SCORES_FAILED = ("79.99", "79.9", "0", "55.5", "78")
SCORES_PASSED = ("80", "80.00", "82", "100", "91.25")


class Author:
    """Who writes a history: the people and partners in it, and when and how a fact is recorded."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.facts: History = []
        self.partners = [f"P{n}" for n in range(1, random.choice((1, 1, 2, 2, 3, 3)) + 1)]
        self.consultants = [f"C{n}" for n in range(1, random.choice((2, 3, 3, 4)) + 1)]
        self.products = PRODUCTS[: random.choice((1, 1, 2))]
        self.begins_at = random.choice(BEGINNINGS)
        self.pool = self._pool()
        self.promptness = random.choice((1.0, 0.8, 0.5))
        self.follows: dict[str, str] = {}
        """Fact id to that of a fact which is recorded before it: of a void, what it voids."""

    def _pool(self) -> list[datetime]:
        """Instants after the beginning at which things happen, with some of their deadlines."""
        pool = [self.begins_at + DAY]
        for _ in range(self.random.randint(3, 6)):
            instant = self.begins_at + self.random.randint(1, 70) * DAY
            midnight = midnight_ending(london_day(instant))
            pool.append(
                self.random.choice(
                    (instant, instant + timedelta(microseconds=123456), midnight - MICROSECOND, midnight, midnight)
                )
            )
        for instant in list(pool):
            nudge = self.random.choice((-MICROSECOND, timedelta(), timedelta(), MICROSECOND))
            pool.append(deadline(instant) + nudge)
        return pool

    # When and how a fact is recorded ----------------------------------------------------------

    def _instant(self) -> datetime:
        return self.random.choice(self.pool)

    def _recorded_at(self, effective_at: datetime) -> datetime:
        """Promptly, late, or (one in six of the rest) ahead of time."""
        if self.random.random() < self.promptness:
            return effective_at
        if self.random.random() < 1 / 6:
            return max(effective_at - self.random.choice((MICROSECOND, DAY, 35 * DAY)), self.begins_at)
        return self._later(effective_at)

    def _later(self, instant: datetime) -> datetime:
        return instant + self.random.choice((MICROSECOND, DAY, 19 * DAY, 31 * DAY, 45 * DAY))

    def _base(self, effective_at: datetime) -> tuple[str, datetime, datetime]:
        return f"f{len(self.facts) + 1}", effective_at, self._recorded_at(effective_at)

    def _in_log_order(self) -> History:
        """By recording; facts of one recording in any order, but a void after what it voids, and what is recorded
        again after the void."""
        shuffled = [(fact.recorded_at, self.random.random(), fact) for fact in self.facts]
        rank = {fact.fact_id: (recorded_at, tie) for recorded_at, tie, fact in shuffled}
        for fact_id, earlier in self.follows.items():
            rank[fact_id] = max(rank[fact_id], (rank[earlier][0], rank[earlier][1] + 1))
        return sorted(self.facts, key=lambda fact: rank[fact.fact_id])

    def _mostly_the_first(self, things: list[str]) -> str:
        return things[0] if self.random.random() < 0.75 else self.random.choice(things)

    def _certify(self, consultant: str, product: str, at: datetime) -> None:
        if self.random.random() < 0.6:
            self.facts.append(CertificationRecognised(*self._base(at), consultant, product))
        else:
            self.facts.append(CourseCompleted(*self._base(at), consultant, product))
            self._registration(consultant, product, None, at, at, self.random.random() < 0.85)

    def _registration(
        self, consultant: str, product: str, change: str | None, first: datetime, second: datetime, passed: bool
    ) -> None:
        """Registration with one or two scores, each at its own instant; some are never registered."""
        registration = f"R{len(self.facts) + 1}"
        if self.random.random() < 0.97:
            self.facts.append(ExamRegistered(*self._base(first), registration, consultant, product, change))
        self._score(registration, 1, first, passed and self.random.random() < 0.7)
        if self.random.random() < 0.5:
            self._score(registration, 2, second, passed)

    def _score(self, registration: str, attempt: int, at: datetime, passed: bool) -> None:
        score = self.random.choice(SCORES_PASSED if passed else SCORES_FAILED)
        self.facts.append(AttemptScored(*self._base(at), registration, attempt, score))
