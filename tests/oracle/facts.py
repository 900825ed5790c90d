"""Reported facts as the calculator takes them: plain values in log order, nothing derived.

`effective_at` is when it was true in the world, `recorded_at` when the system learned it (R30, R31).
"""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Fact:
    """What every fact has; `fact_id` is unique in a history."""

    fact_id: str
    effective_at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class PartnerEnrolled(Fact):
    partner: str
    kind: str
    programme: str


@dataclass(frozen=True)
class PartnerKindChanged(Fact):
    partner: str
    kind: str


@dataclass(frozen=True)
class PartnerProgrammeChanged(Fact):
    partner: str
    programme: str


@dataclass(frozen=True)
class PartnerClosed(Fact):
    partner: str


@dataclass(frozen=True)
class PartnersMerged(Fact):
    partner: str
    into: str


@dataclass(frozen=True)
class ConsultantLinked(Fact):
    partner: str
    consultant: str


@dataclass(frozen=True)
class ConsultantLeft(Fact):
    partner: str
    consultant: str


@dataclass(frozen=True)
class CourseCompleted(Fact):
    """`change` names the portal change that it is the maintenance training for; None: the ordinary course."""

    consultant: str
    product: str
    change: str | None = None


@dataclass(frozen=True)
class ExamRegistered(Fact):
    """`change` names the portal change that it is the maintenance assessment for; None: the ordinary exam."""

    registration: str
    consultant: str
    product: str
    change: str | None = None


@dataclass(frozen=True)
class AttemptScored(Fact):
    registration: str
    attempt: int
    score: str


@dataclass(frozen=True)
class ScoreCorrected(Fact):
    registration: str
    attempt: int
    score: str


@dataclass(frozen=True)
class CertificationRecognised(Fact):
    consultant: str
    product: str


@dataclass(frozen=True)
class RevocationOrdered(Fact):
    consultant: str
    product: str


@dataclass(frozen=True)
class PortalChangeDeclared(Fact):
    change: str
    products: tuple[str, ...]
    significant: bool
    due_on: date


@dataclass(frozen=True)
class FactVoided(Fact):
    voided: str
