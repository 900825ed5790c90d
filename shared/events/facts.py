"""The facts: what happened, one frozen class per topic.

A fact is recorded once and never edited (R33). Its class says only what happened; who recorded it,
when and why stands in the envelope (`shared.events.envelope`). A topic names class and version for
ever: moving or renaming a class must not orphan what is stored, and a change that is more than an
optional field with a default is a new topic, an upcast and a golden file.

A class declares everything else about its fact: `topic`, the stream it lies in, and by the names of its
fields the partners, the consultant and the products it is about (`services.certification.event_store.streams`,
`products_of`). The unions below group the classes for those who decide or apply them.

Facts that callers report (`REPORTED`) can be voided. Decisions (`DECIDED`) are derived by the
certification service from reported facts; each restates one grant or one maintenance completion
whole, and the last statement of it wins. Facts about the system itself (`SYSTEM`) are recorded by commands of its
owner and are final.
"""

from datetime import date
from typing import Final, Literal, get_args

import msgspec

from shared.events.fact_class import Data, Instant, Stream
from shared.events.system_facts import ENGINE, KEY, SIGNING_KEY, SystemFact

TOPIC_PREFIX: Final = "com.sage.partnercloud."

Kind = Literal["VAR", "DEVELOPER"]
"""VAR also stands for a partner that is both VAR and developer (R10)."""

ELIGIBLE_PROGRAMMES: Final = ("PARTNER_SUCCESS", "PARTNER_SUCCESS_PLUS")
"""Codes of the programmes in which a partner of known kind is enrolled (R11), as the policy of August 2021 has them."""

FIRST_POLICY_ID: Final = "2021-08"
"""The policy before the first revision: the requirements of August 2021 (R39). No revision bears its id."""

Attempt = Literal[1, 2]
"""A registration grants exactly two attempts (R5)."""


PARTNER: Final = Stream("partner-", "partner_id")
CONSULTANT: Final = Stream("consultant-", "consultant_id")
REGISTRATION: Final = Stream("exam_registration-", "registration_id")
PORTAL_CHANGE: Final = Stream("portal_change-", "portal_change_id")
POLICY: Final = Stream("policy-", "policy_id")
STREAMS: Final = (CONSULTANT, REGISTRATION, PARTNER, PORTAL_CHANGE, POLICY, KEY, SIGNING_KEY, ENGINE)


class Period(msgspec.Struct, frozen=True, omit_defaults=True):
    """Half-open: `from` (inclusive) `to` (exclusive; absent: open-ended).

    `start_facts` and `end_facts` are the ids of the reported facts that made it start and end.
    """

    start: Instant = msgspec.field(name="from")
    end: Instant | None = msgspec.field(name="to", default=None)
    start_facts: tuple[str, ...] = ()
    end_facts: tuple[str, ...] = ()


# Partners ------------------------------------------------------------------------------------


class PartnerEnrolled(Data, frozen=True):
    """The partner is of this kind and in this programme from the effective instant (R10, R11).

    `programme`: a code, `[A-Z][A-Z0-9_]{0,63}`; facts that were recorded before that was asked for can hold other text.
    """

    topic = "partner-enrolled.v1"
    stream = PARTNER
    partner_id: str
    kind: Kind
    programme: str


class PartnerKindChanged(Data, frozen=True):
    """The partner is of this kind from the effective instant (R22)."""

    topic = "partner-kind-changed.v1"
    stream = PARTNER
    partner_id: str
    kind: Kind


class PartnerProgrammeChanged(Data, frozen=True):
    """The partner is in this programme from the effective instant; "NONE": it left (R28).

    `programme`: a code, `[A-Z][A-Z0-9_]{0,63}`; facts that were recorded before that was asked for can hold other text.
    """

    topic = "partner-programme-changed.v1"
    stream = PARTNER
    partner_id: str
    programme: str


class PartnerClosed(Data, frozen=True):
    """The partner went out of business: its links end, it is no longer enrolled (R28, R29)."""

    topic = "partner-closed.v1"
    stream = PARTNER
    partner_id: str


class PartnersMerged(Data, frozen=True):
    """`partner_id` was merged into `into`, which takes over its links (R29)."""

    topic = "partners-merged.v1"
    stream = PARTNER
    partner_id: str
    into: str


class ConsultantLinked(Data, frozen=True):
    """The consultant works for the partner from the effective instant (R23)."""

    topic = "consultant-linked.v1"
    stream = PARTNER
    partner_id: str
    consultant_id: str


class ConsultantLeft(Data, frozen=True):
    """The consultant left the partner. `reason_hash`: SHA-256 of the erasable free text."""

    topic = "consultant-left.v1"
    stream = PARTNER
    partner_id: str
    consultant_id: str
    reason_hash: str | None = None


# Consultants and exams -----------------------------------------------------------------------


class CourseCompleted(Data, frozen=True):
    """The course for the product, or (with a portal change) its maintenance training, was completed."""

    topic = "course-completed.v1"
    stream = CONSULTANT
    consultant_id: str
    product: str
    portal_change_id: str | None = None


class ExamRegistered(Data, frozen=True):
    """Two attempts were granted (R5): at the exam, or (with a portal change) at its maintenance assessment."""

    topic = "exam-registered.v1"
    stream = REGISTRATION
    registration_id: str
    consultant_id: str
    product: str
    portal_change_id: str | None = None


class AttemptScored(Data, frozen=True):
    """The attempt (1 or 2) of the registration scored `score`, a decimal string such as "79.99" (R5, R6)."""

    topic = "attempt-scored.v1"
    stream = REGISTRATION
    registration_id: str
    attempt: Attempt
    score: str


class ScoreCorrected(Data, frozen=True):
    """The score of the attempt was corrected to `score` from the effective instant (R32)."""

    topic = "score-corrected.v1"
    stream = REGISTRATION
    registration_id: str
    attempt: Attempt
    score: str
    reason_hash: str | None = None


class CertificationRecognised(Data, frozen=True):
    """Sage recognises the consultant as certified without an exam of its own here."""

    topic = "certification-recognised.v1"
    stream = CONSULTANT
    consultant_id: str
    product: str
    evidence_hash: str | None = None


class RevocationOrdered(Data, frozen=True):
    """Sage ended the consultant's certification for the product (R37)."""

    topic = "revocation-ordered.v1"
    stream = CONSULTANT
    consultant_id: str
    product: str
    reason_hash: str | None = None


# Portal changes, the policy and voids --------------------------------------------------------


class PortalChangeDeclared(Data, frozen=True):
    """The Provisioning Portal changes; announced at the effective instant (R25, R27).

    `due_on` is the Europe/London day by whose end maintenance must be completed (R26).
    """

    topic = "portal-change-declared.v1"
    stream = PORTAL_CHANGE
    portal_change_id: str
    products: tuple[str, ...]
    significant: bool
    due_on: date
    summary: str


class PortalChangeCorrected(Data, frozen=True):
    """These terms of the portal change are otherwise: as if it had been announced so (R38).

    A term that is absent stays as it is. `reason_hash`: SHA-256 of the erasable free text.
    """

    topic = "portal-change-corrected.v1"
    stream = PORTAL_CHANGE
    portal_change_id: str
    due_on: date | None = None
    products: tuple[str, ...] | None = None
    significant: bool | None = None
    reason_hash: str | None = None


class Minimum(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many counted consultants a partner of each kind must keep (R10); None: of this kind nothing is said."""

    var: int | None = msgspec.field(name="VAR", default=None)
    developer: int | None = msgspec.field(name="DEVELOPER", default=None)


class PolicyRevised(Data, frozen=True):
    """From the effective instant, which is never before the recording, the policy has these terms (R39).

    None: the term stays as it is. `window_days`: London days to replace a missing consultant (R15). `minimum`: R10.
    `programmes`: codes of those in which a partner is enrolled (R11). `reminder_days`: London days before a deadline
    at which to remind.
    """

    topic = "policy-revised.v1"
    stream = POLICY
    policy_id: str
    window_days: int | None = None
    minimum: Minimum | None = None
    programmes: tuple[str, ...] | None = None
    reminder_days: tuple[int, ...] | None = None
    reason_hash: str | None = None


class FactVoided(Data, frozen=True):
    """The fact `fact_id` was recorded in error: it counts nowhere, from this recording on (R33)."""

    topic = "fact-voided.v1"
    stream = None
    fact_id: str
    reason_hash: str | None = None


# Decisions -----------------------------------------------------------------------------------


class ConsultantCertified(Data, frozen=True):
    """One grant, restated whole: certified for the product in each of `periods` (R4, R32, R37).

    `grant_id` is the fact id of the passing attempt or the recognition. `granted_at`, the later of
    pass and course, tells whether a portal change binds the grant (R25).
    """

    topic = "consultant-certified.v1"
    stream = CONSULTANT
    consultant_id: str
    product: str
    grant_id: str
    granted_at: Instant
    periods: tuple[Period, ...]


class CertificationRevoked(Data, frozen=True):
    """One grant, restated whole, that has come to an end: every period is closed, or none is left.

    Follows from a revocation, a correction or a void (R32, R33, R37).
    """

    topic = "certification-revoked.v1"
    stream = CONSULTANT
    consultant_id: str
    product: str
    grant_id: str
    granted_at: Instant
    periods: tuple[Period, ...]


class MaintenanceCompleted(Data, frozen=True):
    """Training and assessment for a portal change, restated whole: both done in each of `periods` (R25, R32)."""

    topic = "maintenance-completed.v1"
    stream = CONSULTANT
    consultant_id: str
    product: str
    portal_change_id: str
    periods: tuple[Period, ...]


EnrolmentFact = PartnerEnrolled | PartnerKindChanged | PartnerProgrammeChanged | PartnerClosed | PartnersMerged
EmploymentFact = ConsultantLinked | ConsultantLeft
AboutPartner = EnrolmentFact | EmploymentFact
AboutConsultant = CourseCompleted | CertificationRecognised | RevocationOrdered
AboutRegistration = ExamRegistered | AttemptScored | ScoreCorrected
AboutPortalChange = PortalChangeDeclared | PortalChangeCorrected
Reported = AboutPartner | AboutConsultant | AboutRegistration | AboutPortalChange | PolicyRevised | FactVoided

GrantStatement = ConsultantCertified | CertificationRevoked
Decision = GrantStatement | MaintenanceCompleted
FactData = Reported | Decision | SystemFact

SYSTEM: Final[frozenset[type[FactData]]] = frozenset(get_args(SystemFact))

TOPICS: Final[dict[str, type[FactData]]] = {
    TOPIC_PREFIX + cls.topic: cls
    for cls in sorted(get_args(FactData), key=lambda cls: (cls in SYSTEM, Data.__subclasses__().index(cls)))
}
"""Topic to class, in the order of the classes. The topic is also the CloudEvents `type` of the fact."""

TOPIC_OF: Final[dict[type[FactData], str]] = {cls: topic for topic, cls in TOPICS.items()}

DECIDED: Final[frozenset[type[FactData]]] = frozenset(get_args(Decision))
REPORTED: Final[frozenset[type[FactData]]] = frozenset(get_args(Reported))


def products_of(data: FactData) -> tuple[str, ...]:
    """The products that the fact names (R2)."""
    product: str | None = getattr(data, "product", None)
    products: tuple[str, ...] | None = getattr(data, "products", None)
    return (products or ()) if product is None else (product,)
