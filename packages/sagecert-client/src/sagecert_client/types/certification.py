"""The types of the certification service. Written by `python -m tests.client.generator --write`; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from sagecert_client.types.reasons import NoEffect

Scope: TypeAlias = "Literal['calendars', 'read', 'facts', 'audit', 'admin']"

Problem: TypeAlias = "dict[str, Any]"

FieldError: TypeAlias = "dict[str, Any]"


class AttemptAnswer(TypedDict):
    """An attempt that was made by then, with the score that decides (R32)."""

    attempt: int
    score: str
    passed: bool
    effective_at: str


class AttemptScore(TypedDict):
    """The score of attempt 1 or 2 (R5, R6)."""

    effective_at: NotRequired[str | None]
    attempt: int
    score: str


class CallerAnswer(TypedDict):
    """`name`: of the key, and the actor of what it records; `local` and `bootstrap` are not issued keys."""

    name: str
    scopes: list[Scope]


class ChangedLink(TypedDict):
    """A person, and the fact that links them or says that they left; in a dry run there is none."""

    consultant_id: str
    fact_id: NotRequired[str | None]


class Closure(TypedDict):
    """When the partner closed."""

    effective_at: NotRequired[str | None]


class Consultants(TypedDict):
    """Everybody who is linked to the partner at `as_of`, and nobody else (R23)."""

    consultant_ids: list[str]
    as_of: NotRequired[str | None]
    dry_run: NotRequired[bool]


class ConsultantsAnswer(TypedDict):
    """What was recorded, or would be, so that the statement is true."""

    partner_id: str
    as_of: str
    linked: list[ChangedLink]
    departed: list[ChangedLink]
    unchanged: int
    linked_later: list[str]
    position: NotRequired[int | None]
    recorded_at: NotRequired[str | None]


class Correction(TypedDict):
    """The score as it should have been (R32). `reason` is kept apart from the fact, where it can be erased."""

    effective_at: NotRequired[str | None]
    score: str
    reason: str


class CourseCompletion(TypedDict):
    """With a portal change, the course counts only as maintenance training for that change (R25)."""

    effective_at: NotRequired[str | None]
    consultant_id: str
    product: str
    portal_change_id: NotRequired[str | None]


class Declaration(TypedDict):
    """A change of the Provisioning Portal, announced at `effective_at`."""

    effective_at: NotRequired[str | None]
    portal_change_id: str
    products: list[str]
    significant: bool
    due_on: str
    summary: str


class Departure(TypedDict):
    """Who left. `reason` is kept apart from the fact, where it can be erased."""

    effective_at: NotRequired[str | None]
    consultant_id: str
    reason: NotRequired[str | None]


class Enrolment(TypedDict):
    """A partner of this kind in this programme (R10, R11)."""

    effective_at: NotRequired[str | None]
    partner_id: str
    kind: Literal["VAR", "DEVELOPER"]
    programme: str
    name: NotRequired[str | None]


class FactAnswer(TypedDict):
    """A fact as recorded, with its `free_text`: its reason or evidence, unless erased; a name is in the profile."""

    fact_id: str
    type: str
    position: int
    append_position: int
    recorded_at: str
    effective_at: str
    actor: str
    correlation_id: str
    causation_id: str | None
    history: bool
    data: dict[str, Any]
    held: bool
    voided: bool
    voided_by: str | None
    voided_at: str | None
    free_text: str | None
    free_text_altered: bool


class Health(TypedDict):
    """The service is healthy; otherwise the answer is a problem."""

    status: Literal["alive", "ready"]


class HeldFact(TypedDict):
    """A fact that has no effect until another one is recorded (R35). `since`: when it began to wait."""

    fact_id: str
    type: str
    position: int
    recorded_at: str
    effective_at: str
    since: str
    waits_for: WaitsFor


class HeldFacts(TypedDict):
    """One page; `next` is the `after` of the page that follows, null at the end."""

    held_facts: list[HeldFact]
    next: int | None


class KindChange(TypedDict):
    """The kind from then on (R22)."""

    effective_at: NotRequired[str | None]
    kind: Literal["VAR", "DEVELOPER"]


class Link(TypedDict):
    """Who works for the partner from then on (R23)."""

    effective_at: NotRequired[str | None]
    consultant_id: str


class Merger(TypedDict):
    """`into`: the surviving partner (R29)."""

    effective_at: NotRequired[str | None]
    into: str


class Minimum(TypedDict):
    """Counted consultants that a partner of each kind must keep (R10): of one kind or of both."""

    VAR: NotRequired[int | None]
    DEVELOPER: NotRequired[int | None]


class NoEffectWarning(TypedDict):
    """Why a fact changes nothing now: one of the reasons of `/compliance/v1/facts-without-effect`, and its rule."""

    reason: NoEffect
    rule: str
    text: str


class PartnerProfile(TypedDict):
    """The partner's name."""

    partner_id: str
    name: str


class PartnerProfileBody(TypedDict):
    """The partner's name."""

    name: str


class ProfileAnswer(TypedDict):
    """Who the consultant is."""

    consultant_id: str
    name: str
    email: str


class ProfileBody(TypedDict):
    """Who the consultant is."""

    name: str
    email: str


class ProgrammeChange(TypedDict):
    """The programme from then on; NONE: the partner left (R28)."""

    effective_at: NotRequired[str | None]
    programme: str


class Recognition(TypedDict):
    """Certified without an exam. `evidence` is kept apart from the fact, where it can be erased."""

    effective_at: NotRequired[str | None]
    consultant_id: str
    product: str
    evidence: NotRequired[str | None]


class Recorded(TypedDict):
    """A fact is recorded. `position`: the last one appended with it; `waits_for`: what a held fact waits for."""

    fact_id: str
    position: int
    recorded_at: str
    effective_at: str
    waits_for: NotRequired[WaitsFor | None]
    warnings: NotRequired[list[NoEffectWarning] | None]


class RecordedFact(TypedDict):
    """A fact as it is recorded. Where it is one of the same batch, the instant of its recording is not known yet."""

    fact_id: str
    type: str
    effective_at: str
    data: dict[str, Any]
    recorded_at: NotRequired[str | None]


class RecordedFacts(TypedDict):
    """One page, newest first; `next` is the `after` of the page that follows, null at the end."""

    facts: list[RecordedFact]
    next: int | None


class Registration(TypedDict):
    """Two attempts (R5). With a portal change they serve its maintenance assessment only (R25)."""

    effective_at: NotRequired[str | None]
    registration_id: str
    consultant_id: str
    product: str
    portal_change_id: NotRequired[str | None]


class RegistrationAnswer(TypedDict):
    """How far a registration has come at `at`, judged from what was known at `known_at` (R7, R8, R31)."""

    registration_id: str
    consultant_id: str
    product: str
    portal_change_id: str | None
    at: str
    known_at: str
    state: Literal["open", "passed", "exhausted"]
    attempts_left: int
    attempts: list[AttemptAnswer]


class RegistrationsAnswer(TypedDict):
    """One page, latest first; `next` is the `after` of the page that follows, null at the end."""

    registrations: list[RegistrationAnswer]
    next: int | None


class Revision(TypedDict):
    """What changes from `effective_at` on, which is never before the recording (R39); the rest stays as it is."""

    effective_at: NotRequired[str | None]
    policy_id: str
    window_days: NotRequired[int | None]
    minimum: NotRequired[Minimum | None]
    programmes: NotRequired[list[str] | None]
    reminder_days: NotRequired[list[int] | None]
    reason: str


class Revocation(TypedDict):
    """The certification ends (R37). `reason` is kept apart from the fact, where it can be erased."""

    effective_at: NotRequired[str | None]
    consultant_id: str
    product: str
    reason: str


class ScoreStatement(TypedDict):
    """The score of an attempt as it is now (R5, R6, R32)."""

    score: str
    scored_at: NotRequired[str | None]
    reason: NotRequired[str | None]


class TermsCorrection(TypedDict):
    """The terms as they should have been; one that is left out stays. At least one is given (R38)."""

    effective_at: NotRequired[str | None]
    due_on: NotRequired[str | None]
    products: NotRequired[list[str] | None]
    significant: NotRequired[bool | None]
    reason: str


class Void(TypedDict):
    """Why the fact is void. `reason` is kept apart from the fact, where it can be erased."""

    effective_at: NotRequired[str | None]
    reason: str


class WaitsFor(TypedDict):
    """The fact that a held fact waits for (R35)."""

    registration_id: NotRequired[str | None]
    attempt: NotRequired[int | None]
    portal_change_id: NotRequired[str | None]


class ScoreAnswer(Recorded):
    """`outcome`: whether the score was recorded, corrected, or known already; the rest is about the fact behind it."""

    outcome: Literal["recorded", "corrected", "unchanged"]
