"""Tells the facts of a history, one after the other, in the calculator's own words."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Final

from tests.oracle.histories import History
from tests.oracle.rules import facts as oracle

START: Final = datetime(2023, 1, 9, 9, tzinfo=UTC)


class Story:
    """A fact takes effect at `at`; it is recorded then, or at `told`."""

    def __init__(self) -> None:
        self.facts: History = []

    def _tell(self, kind: Callable[..., oracle.Fact], at: datetime, *said: object, told: datetime | None = None) -> str:
        """Returns the id of the fact."""
        fact_id = f"f{len(self.facts) + 1}"
        self.facts.append(kind(fact_id, at, told or at, *said))
        return fact_id

    def team(self, *people: str, partner: str = "P1", kind: str = "VAR", programme: str = "PARTNER_SUCCESS") -> None:
        """An enrolled partner with certified people, from the start."""
        self.enrol(START, partner, kind, programme)
        for person in people:
            self.link(START, person, partner)
            self.recognise(START, person)

    def enrol(self, at: datetime, partner: str = "P1", kind: str = "VAR", programme: str = "PARTNER_SUCCESS") -> None:
        self._tell(oracle.PartnerEnrolled, at, partner, kind, programme)

    def kind(self, at: datetime, kind: str, partner: str = "P1") -> None:
        self._tell(oracle.PartnerKindChanged, at, partner, kind)

    def programme(self, at: datetime, programme: str, partner: str = "P1") -> None:
        self._tell(oracle.PartnerProgrammeChanged, at, partner, programme)

    def link(self, at: datetime, person: str, partner: str = "P1") -> None:
        self._tell(oracle.ConsultantLinked, at, partner, person)

    def leave(self, at: datetime, person: str, partner: str = "P1", told: datetime | None = None) -> str:
        return self._tell(oracle.ConsultantLeft, at, partner, person, told=told)

    def recognise(self, at: datetime, person: str, product: str = "S200P") -> None:
        self._tell(oracle.CertificationRecognised, at, person, product)

    def revoke(self, at: datetime, person: str, product: str = "S200P") -> None:
        self._tell(oracle.RevocationOrdered, at, person, product)

    def merge(self, at: datetime, partner: str, into: str) -> None:
        self._tell(oracle.PartnersMerged, at, partner, into)

    def close(self, at: datetime, partner: str = "P1") -> None:
        self._tell(oracle.PartnerClosed, at, partner)

    def passes(self, at: datetime, person: str, score: str = "82") -> None:
        """Course and assessment at one instant."""
        self._tell(oracle.CourseCompleted, at, person, "S200P")
        self._tell(oracle.ExamRegistered, at, f"R-{person}", person, "S200P")
        self._tell(oracle.AttemptScored, at, f"R-{person}", 1, score)

    def corrects(self, at: datetime, person: str, score: str) -> None:
        self._tell(oracle.ScoreCorrected, at, f"R-{person}", 1, score)

    def revise(
        self,
        at: datetime,
        policy: str,
        *,
        days: int | None = None,
        minimum: Mapping[str, int] | None = None,
        programmes: tuple[str, ...] | None = None,
        reminders: tuple[int, ...] | None = None,
        told: datetime | None = None,
    ) -> str:
        return self._tell(oracle.PolicyRevised, at, policy, days, minimum, programmes, reminders, told=told)

    def announce(self, at: datetime, due: date, *products: str, change: str = "X1", significant: bool = True) -> str:
        return self._tell(oracle.PortalChangeDeclared, at, change, products or ("S200P",), significant, due)

    def amend(
        self,
        at: datetime,
        due: date | None = None,
        products: tuple[str, ...] | None = None,
        *,
        significant: bool | None = None,
    ) -> str:
        return self._tell(oracle.PortalChangeCorrected, at, "X1", due, products, significant)

    def maintain(self, at: datetime, person: str) -> None:
        """Training and assessment for the portal change."""
        self._tell(oracle.CourseCompleted, at, person, "S200P", "X1")
        self._tell(oracle.ExamRegistered, at, f"M-{person}", person, "S200P", "X1")
        self._tell(oracle.AttemptScored, at, f"M-{person}", 1, "95")

    def void(self, at: datetime, fact_id: str) -> None:
        self._tell(oracle.FactVoided, at, fact_id)
