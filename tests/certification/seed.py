"""A consultant's history in a few words, for tests of the rules. One consultant, C1; day n is an instant."""

from datetime import UTC, datetime, timedelta

from services.certification.domain.consultant import Consultant, evolve, follow
from services.certification.domain.fact_report import decided
from services.certification.domain.void import standing
from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    CourseCompleted,
    Decision,
    ExamRegistered,
    FactVoided,
    GrantStatement,
    MaintenanceCompleted,
    Period,
    Reported,
    RevocationOrdered,
    ScoreCorrected,
)

DAY_0 = datetime(2022, 3, 1, 9, tzinfo=UTC)
FOR_EVER = None


def day(number: float) -> datetime:
    """The instant `number` days after the beginning."""
    return DAY_0 + timedelta(days=number)


class ConsultantFacts:
    """What was told of C1, in the order of recording, and what certification published of it."""

    def __init__(self) -> None:
        self.log: list[Fact] = []
        self.consultant = Consultant("C1")

    def tell(self, data: Reported, on: float, fact_id: str = "") -> str:
        """Records a fact that was true on that day, with the decisions that follow; returns its id."""
        fact = Fact(fact_id or f"f{len(self.log) + 1}", day(on), day(on), data, position=len(self.log) + 1)
        for each in (fact, *decided(fact, follow(self.consultant, fact))):
            self.log.append(each)
            self.consultant = evolve(self.consultant, each)
        return fact.fact_id

    def course(self, on: float, product: str = "S200P", change: str | None = None) -> str:
        return self.tell(CourseCompleted("C1", product, change), on)

    def registered(self, registration: str, on: float, product: str = "S200P", change: str | None = None) -> str:
        return self.tell(ExamRegistered(registration, "C1", product, change), on)

    def scored(self, registration: str, attempt: int, score: str, on: float) -> str:
        return self.tell(AttemptScored(registration, 1 if attempt == 1 else 2, score), on)

    def corrected(self, registration: str, attempt: int, score: str, on: float) -> str:
        return self.tell(ScoreCorrected(registration, 1 if attempt == 1 else 2, score), on)

    def recognised(self, on: float, product: str = "S200P") -> str:
        return self.tell(CertificationRecognised("C1", product), on)

    def revoked(self, on: float, product: str = "S200P") -> str:
        return self.tell(RevocationOrdered("C1", product), on)

    def voided(self, fact_id: str, on: float) -> str:
        return self.tell(FactVoided(fact_id), on)

    @property
    def published(self) -> dict[tuple[str, ...], Decision]:
        """The last statement of each subject."""
        return dict(self.consultant.published)

    @property
    def standing(self) -> list[Fact]:
        """The reported facts that were not voided."""
        return standing(self.log)

    def statement(self, grant_id: str) -> GrantStatement:
        """The last statement of a grant."""
        decision = self.published[grant_id,]
        assert not isinstance(decision, MaintenanceCompleted)
        return decision

    def holds(self, grant_id: str) -> list[tuple[float, float | None]]:
        """The days on which a grant holds, as last stated; [] for one that was never published."""
        return days(self.published[grant_id,].periods) if (grant_id,) in self.published else []

    def maintained(self, change: str, product: str = "S200P") -> list[tuple[float, float | None]]:
        """The days on which maintenance for a portal change is completed, as last stated."""
        return days(self.published[product, change].periods) if (product, change) in self.published else []


def days(periods: tuple[Period, ...]) -> list[tuple[float, float | None]]:
    """Periods in days since the beginning; None: for ever."""
    one = timedelta(days=1)
    return [((each.start - DAY_0) / one, None if each.end is None else (each.end - DAY_0) / one) for each in periods]
