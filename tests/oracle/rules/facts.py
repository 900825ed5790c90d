"""Reported facts as the calculator takes them: plain values in log order, nothing derived.

`effective_at` is when it was true in the world, `recorded_at` when the system learned it (R30, R31).
"""

from collections.abc import Mapping
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
    """The partner is of this kind and in this programme (R10, R11)."""

    partner: str
    kind: str
    programme: str


@dataclass(frozen=True)
class PartnerKindChanged(Fact):
    """The partner is of this kind (R22)."""

    partner: str
    kind: str


@dataclass(frozen=True)
class PartnerProgrammeChanged(Fact):
    """The partner is in this programme (R11, R28)."""

    partner: str
    programme: str


@dataclass(frozen=True)
class PartnerClosed(Fact):
    """The partner went out of business (R28, R29)."""

    partner: str


@dataclass(frozen=True)
class PartnersMerged(Fact):
    """The partner was merged into another, which takes over its links (R29)."""

    partner: str
    into: str


@dataclass(frozen=True)
class ConsultantLinked(Fact):
    """The consultant works for the partner (R23)."""

    partner: str
    consultant: str


@dataclass(frozen=True)
class ConsultantLeft(Fact):
    """The consultant left the partner (R13, R30)."""

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
    """An attempt of a registration was scored (R5, R6)."""

    registration: str
    attempt: int
    score: str


@dataclass(frozen=True)
class ScoreCorrected(Fact):
    """The score of an attempt was corrected (R32)."""

    registration: str
    attempt: int
    score: str


@dataclass(frozen=True)
class CertificationRecognised(Fact):
    """Sage recognises the consultant as certified (R4)."""

    consultant: str
    product: str


@dataclass(frozen=True)
class RevocationOrdered(Fact):
    """Sage ends the certification of the consultant (R37)."""

    consultant: str
    product: str


@dataclass(frozen=True)
class PortalChangeDeclared(Fact):
    """The Provisioning Portal changes (R25, R26, R27)."""

    change: str
    products: tuple[str, ...]
    significant: bool
    due_on: date


@dataclass(frozen=True)
class PortalChangeCorrected(Fact):
    """None: this term stays."""

    change: str
    due_on: date | None = None
    products: tuple[str, ...] | None = None
    significant: bool | None = None


@dataclass(frozen=True)
class PolicyRevised(Fact):
    """From its instant on the policy is another one; None: this term stays (R39)."""

    policy: str
    window_days: int | None = None
    minimum: Mapping[str, int] | None = None
    programmes: tuple[str, ...] | None = None
    reminder_days: tuple[int, ...] | None = None


@dataclass(frozen=True)
class FactVoided(Fact):
    """A fact was recorded in error (R33)."""

    voided: str
