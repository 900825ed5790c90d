"""What the golden files must mean for ever.

Each file in `golden/<topic>/` holds the stored bytes of one fact as some released version wrote
them. They are never edited: a new version of a topic adds files, and an upcast brings the old ones
to the class of today, which is when (and only when) an expectation here may change its class.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from shared.events import facts, system_facts
from shared.events.envelope import Fact
from shared.events.facts import FactData, Period

GOLDEN: Final = Path(__file__).parent / "golden"
HASH: Final = "5f2b7f1f6d9e1f8a4c55a4f6a1f7a3f0f3a0b2f4c6d8e0a1b3c5d7e9f0a2b4c6"

KEY_DIGEST: Final = "73300871f44c168e7c949de2c750e60c2c9bb8ff530017c5a267234e9cb4db8e"

RECORDED: Final = datetime(2022, 1, 13, 11, 0, 5, 250_000, tzinfo=UTC)
EFFECTIVE: Final = datetime(2022, 1, 13, 11, tzinfo=UTC)


def _reported(fact_id: str, data: FactData) -> Fact:
    return Fact(
        fact_id=fact_id,
        effective_at=EFFECTIVE,
        recorded_at=RECORDED,
        data=data,
        actor="sage-university",
        correlation_id="lms-batch-7",
    )


def _decided(fact_id: str, data: FactData) -> Fact:
    return replace(_reported(fact_id, data), causation_id="F-scored")


def _bare(fact_id: str, data: FactData) -> Fact:
    """As short as a stored fact can be: whole seconds, no actor, no optional field."""
    return Fact(fact_id=fact_id, effective_at=EFFECTIVE, recorded_at=EFFECTIVE, data=data)


def _about_the_system(fact_id: str, data: FactData) -> Fact:
    return Fact(
        fact_id=fact_id,
        effective_at=RECORDED,
        recorded_at=RECORDED,
        data=data,
        actor="owner",
        correlation_id=fact_id,
    )


OPEN: Final = Period(start=EFFECTIVE, start_facts=("F-scored", "F-course"))
CLOSED: Final = Period(
    start=EFFECTIVE,
    end=datetime(2022, 6, 30, 22, 30, 0, 1, tzinfo=UTC),
    start_facts=("F-scored", "F-course"),
    end_facts=("F-revocation",),
)

MEANING: Final[dict[str, Fact]] = {
    "partner-enrolled.v1/var.json": _reported(
        "F-enrolled", facts.PartnerEnrolled(partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
    ),
    "partner-enrolled.v1/developer.json": _bare(
        "F-developer", facts.PartnerEnrolled(partner_id="P2", kind="DEVELOPER", programme="PARTNER_SUCCESS_PLUS")
    ),
    "partner-kind-changed.v1/to-var.json": _reported("F-kind", facts.PartnerKindChanged(partner_id="P2", kind="VAR")),
    "partner-programme-changed.v1/left.json": _reported(
        "F-programme", facts.PartnerProgrammeChanged(partner_id="P1", programme="NONE")
    ),
    "partner-closed.v1/closed.json": _reported("F-closed", facts.PartnerClosed(partner_id="P1")),
    "partners-merged.v1/merged.json": _reported("F-merged", facts.PartnersMerged(partner_id="P1", into="P2")),
    "consultant-linked.v1/linked.json": _reported(
        "F-linked", facts.ConsultantLinked(partner_id="P1", consultant_id="C1")
    ),
    "consultant-left.v1/with-reason.json": _reported(
        "F-left", facts.ConsultantLeft(partner_id="P1", consultant_id="C1", reason_hash=HASH)
    ),
    "consultant-left.v1/bare.json": _bare("F-left-bare", facts.ConsultantLeft(partner_id="P1", consultant_id="C1")),
    "course-completed.v1/course.json": _reported(
        "F-course", facts.CourseCompleted(consultant_id="C1", product="S200P")
    ),
    "course-completed.v1/maintenance-training.json": _reported(
        "F-training", facts.CourseCompleted(consultant_id="C1", product="S200P", portal_change_id="CH1")
    ),
    "exam-registered.v1/exam.json": _reported(
        "F-registered", facts.ExamRegistered(registration_id="R1", consultant_id="C1", product="S200P")
    ),
    "exam-registered.v1/maintenance-assessment.json": _reported(
        "F-assessment",
        facts.ExamRegistered(registration_id="R2", consultant_id="C1", product="S200P", portal_change_id="CH1"),
    ),
    "attempt-scored.v1/first-attempt.json": _reported(
        "F-scored", facts.AttemptScored(registration_id="R1", attempt=1, score="80")
    ),
    "attempt-scored.v1/second-attempt.json": _bare(
        "F-scored-again", facts.AttemptScored(registration_id="R1", attempt=2, score="79.99")
    ),
    "score-corrected.v1/with-reason.json": _reported(
        "F-corrected", facts.ScoreCorrected(registration_id="R1", attempt=1, score="78.00", reason_hash=HASH)
    ),
    "certification-recognised.v1/with-evidence.json": _reported(
        "F-recognised", facts.CertificationRecognised(consultant_id="C1", product="S200S", evidence_hash=HASH)
    ),
    "revocation-ordered.v1/with-reason.json": _reported(
        "F-revocation", facts.RevocationOrdered(consultant_id="C1", product="S200P", reason_hash=HASH)
    ),
    "portal-change-declared.v1/significant.json": _reported(
        "F-change",
        facts.PortalChangeDeclared(
            portal_change_id="CH1",
            products=("S200P", "S200S"),
            significant=True,
            due_on=date(2022, 3, 31),
            summary="Subscriptions move to a new billing model – “phase 2”",
        ),
    ),
    "policy-revised.v1/whole.json": _reported(
        "F-policy",
        facts.PolicyRevised(
            policy_id="2023-05",
            window_days=45,
            minimum=facts.Minimum(var=3, developer=1),
            programmes=("PARTNER_SUCCESS", "PARTNER_ELITE"),
            reminder_days=(14, 7, 1),
            reason_hash=HASH,
        ),
    ),
    "policy-revised.v1/one-kind.json": _reported(
        "F-policy-var", facts.PolicyRevised(policy_id="2024-01", minimum=facts.Minimum(var=2), reminder_days=())
    ),
    "portal-change-corrected.v1/every-term.json": _reported(
        "F-change-corrected",
        facts.PortalChangeCorrected(
            portal_change_id="CH1",
            due_on=date(2022, 4, 30),
            products=("S200P",),
            significant=False,
            reason_hash=HASH,
        ),
    ),
    "portal-change-corrected.v1/due-day.json": _bare(
        "F-change-due", facts.PortalChangeCorrected(portal_change_id="CH1", due_on=date(2022, 5, 31))
    ),
    "fact-voided.v1/with-reason.json": _reported("F-void", facts.FactVoided(fact_id="F-left", reason_hash=HASH)),
    "consultant-certified.v1/open.json": _decided(
        "F-certified",
        facts.ConsultantCertified(
            consultant_id="C1", product="S200P", grant_id="F-scored", granted_at=EFFECTIVE, periods=(OPEN,)
        ),
    ),
    "certification-revoked.v1/closed.json": _decided(
        "F-revoked",
        facts.CertificationRevoked(
            consultant_id="C1", product="S200P", grant_id="F-scored", granted_at=EFFECTIVE, periods=(CLOSED,)
        ),
    ),
    "certification-revoked.v1/no-period-left.json": _decided(
        "F-revoked-whole",
        facts.CertificationRevoked(
            consultant_id="C1", product="S200P", grant_id="F-scored", granted_at=EFFECTIVE, periods=()
        ),
    ),
    "maintenance-completed.v1/completed.json": _decided(
        "F-maintained",
        facts.MaintenanceCompleted(consultant_id="C1", product="S200P", portal_change_id="CH1", periods=(OPEN,)),
    ),
    "key-issued.v1/issued.json": _about_the_system(
        "F-key", system_facts.KeyIssued(key_name="sage-university", scopes=("facts",), digest=KEY_DIGEST)
    ),
    "key-revoked.v1/revoked.json": _about_the_system(
        "F-key-end", system_facts.KeyRevoked(key_name="sage-university", fact_ids=("F-key",))
    ),
    "signing-key-rotated.v1/rotated.json": _about_the_system(
        "F-signing-key",
        system_facts.SigningKeyRotated(
            log_id="sagecert.e806841ea5ec",
            public_key="11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            previous_public_key="PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
            signature="kqAJqfDUyriHdTDz7oTIGs5Xe6OdX+F0dR3ETPvYyKpEHZGu9UwqL8Rr8r9l1Zk0F0sVQq3oUv4YzOqZr0p9Dw==",
        ),
    ),
    "engine-installed.v1/installed.json": _about_the_system(
        "F-engine",
        system_facts.EngineInstalled(
            engine_id="0f6b1c2d3e4f5a69",
            code_version="0.1.0",
            policy_digest=KEY_DIGEST,
            tzdata="2026.6",
            products=("S200P", "S200S"),
        ),
    ),
}
"""Golden file to the fact that it must decode to."""
