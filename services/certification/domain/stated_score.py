"""The score of an attempt as it is now: it is recorded, corrected, or known already (R5, R32, R34)."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from services.certification.domain.exam_registration import check_score
from services.certification.domain.fact_report import FactReport, Recorded, Repeated, StatedScore
from services.certification.domain.void import standing
from shared.events.envelope import Fact
from shared.events.facts import AttemptScored, ExamRegistered, ScoreCorrected
from shared.rules.scores import attempts_of


def decide(facts: Iterable[Fact], report: FactReport, stated: StatedScore, now: datetime) -> Recorded | Repeated:
    """Records the score of an attempt that has none, corrects another one, and recognises the same.

    `facts`: those of the registration's stream. A score is held while the registration is not recorded, or voided
    (R35). Raises `NoSuchScore` (R6).
    """
    check_score(stated.score)
    valid = standing(facts)
    registered = any(isinstance(fact.data, ExamRegistered) for fact in valid)
    attempts = attempts_of(valid).get(stated.registration_id, ())
    scored = next((attempt for attempt in attempts if attempt.number == stated.attempt), None)
    if scored is None:
        data = AttemptScored(stated.registration_id, stated.attempt, stated.score)
        fact = replace(report.fact(now, data), effective_at=stated.scored_at or now)
        return Recorded(fact, held=not registered)
    latest = scored.scores[-1]
    if Decimal(latest.value) == Decimal(stated.score):
        return Repeated(next(fact for fact in valid if fact.fact_id == latest.fact_id))
    corrected = ScoreCorrected(stated.registration_id, stated.attempt, stated.score, stated.reason_hash)
    return Recorded(report.fact(now, corrected), held=not registered)
