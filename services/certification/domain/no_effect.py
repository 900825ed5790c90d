"""Why a fact changes nothing, as far as the facts of its decision show; compliance knows more reasons."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from services.certification.domain.void import standing
from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    CertificationRevoked,
    ConsultantCertified,
    CourseCompleted,
    ExamRegistered,
    GrantStatement,
    PortalChangeCorrected,
    PortalChangeDeclared,
    RevocationOrdered,
    ScoreCorrected,
)
from shared.rules.exams_without_effect import exams_without_effect
from shared.rules.no_effect_reasons import NoEffect
from shared.rules.revocations_without_effect import revocations_without_effect


def why_no_effect(fact: Fact, known: Iterable[Fact]) -> NoEffect | None:
    """Why the fact changes nothing; None: these facts do not say that.

    `known`: in log order, with the fact and the decisions that follow from it. Of a score or correction the stream of
    its registration and the last statement of each of its grants; of a course, recognition or revocation what the
    person did for the product; of a portal change its stream.
    """
    match fact.data:
        case AttemptScored() | ScoreCorrected():
            return _of_registration(fact, fact.data.registration_id, list(known))
        case CourseCompleted():
            return _of_course(fact, fact.data, list(known))
        case CertificationRecognised():
            grants = _grants(known).get(fact.fact_id)
            return None if grants is not None and grants.periods else "revoked_at_once"
        case RevocationOrdered():
            return _of_revocation(fact, fact.data, standing(known))
        case PortalChangeDeclared(significant=False):
            corrected = any(isinstance(other.data, PortalChangeCorrected) for other in standing(known))
            return None if corrected else "minor_change"
        case PortalChangeCorrected():
            declared = any(isinstance(other.data, PortalChangeDeclared) for other in standing(known))
            return None if declared else "waits_for_portal_change"
        case _:
            return None


def _of_registration(fact: Fact, registration_id: str, known: Sequence[Fact]) -> NoEffect | None:
    registered, scores, corrections = None, list[Fact](), list[Fact]()
    for other in standing(known):
        match other.data:
            case ExamRegistered(registered_id) if registered_id == registration_id:
                registered = other
            case AttemptScored(scored_id) if scored_id == registration_id:
                scores.append(other)
            case ScoreCorrected(corrected_id) if corrected_id == registration_id:
                corrections.append(other)
    found = exams_without_effect(registered, scores, corrections, _grants(known))
    return next((reason for other, reason in found if other.fact_id == fact.fact_id), None)


def _of_course(fact: Fact, course: CourseCompleted, known: Sequence[Fact]) -> NoEffect | None:
    """Why a course changes nothing; None for training for a portal change: only compliance knows whom it obliges."""
    same = [other for other in standing(known) if isinstance(other.data, CourseCompleted) and other.data == course]
    if min(same, key=_effective_at).fact_id != fact.fact_id:
        return "course_already_completed"
    if course.portal_change_id is not None:
        return None
    granted = (period for grant in _grants(known).values() for period in grant.periods)
    return None if any(fact.fact_id in period.start_facts for period in granted) else "waits_for_pass"


def _of_revocation(fact: Fact, revocation: RevocationOrdered, known: Sequence[Fact]) -> NoEffect | None:
    subject = (revocation.consultant_id, revocation.product)
    exams = {
        other.data.registration_id
        for other in known
        if isinstance(other.data, ExamRegistered)
        and (other.data.consultant_id, other.data.product) == subject
        and other.data.portal_change_id is None
    }
    instants, revocations = [], []
    for other in known:
        match other.data:
            case AttemptScored(registration_id) if registration_id in exams:
                instants.append(other.effective_at)
            case CertificationRecognised(consultant_id, product) if (consultant_id, product) == subject:
                instants.append(other.effective_at)
            case RevocationOrdered(consultant_id, product) if (consultant_id, product) == subject:
                revocations.append(other)
    found = revocations_without_effect(sorted(revocations, key=_effective_at), sorted(instants))
    return next((reason for other, reason in found if other.fact_id == fact.fact_id), None)


def _grants(known: Iterable[Fact]) -> dict[str, GrantStatement]:
    """The last statement of each grant."""
    return {
        fact.data.grant_id: fact.data
        for fact in known
        if isinstance(fact.data, ConsultantCertified | CertificationRevoked)
    }


_effective_at: Final = attrgetter("effective_at")
