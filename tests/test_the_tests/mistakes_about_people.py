"""Mistakes about people: scores, grants, voids and maintenance, as those of `mistakes`."""

from typing import Final

from tests.test_the_tests.mistakes import Mistake

RULES: Final = "services/certification/domain/rules"

PEOPLE_MISTAKES: Final = (
    Mistake(
        "maintenance of one product serves for all",
        f"{RULES}/maintenance_completions.py",
        "yield MaintenanceCompleted(registrations[0].consultant_id, product, change, periods)",
        'yield MaintenanceCompleted(registrations[0].consultant_id, "S200S", change, periods)',
        "test_a_change_concerns_the_products_it_names",
        seed=29,
    ),
    Mistake(
        "maintenance is complete from the assessment, whenever the training was",
        f"{RULES}/maintenance_completions.py",
        "provided(passing, training.effective_at, (training.fact_id,))",
        "passing",
        None,
        seed=139,
    ),
    Mistake(
        "a void leaves the attempt used",
        "services/certification/domain/exam_registration.py",
        "if scored.fact_id != fact_id}",
        "if True}",
        "test_an_attempt_whose_score_is_void_is_scored_again",
        seed=46,
    ),
    Mistake(
        "a void leaves the id of a registration used",
        "services/certification/domain/exam_registration.py",
        "None if registered is not None and registered.fact_id == fact_id else registered",
        "registered",
        "test_a_score_for_a_voided_registration_waits_for_the_next",
        seed=2,
    ),
    Mistake(
        "a void leaves the id of a portal change used",
        "services/certification/domain/portal_change.py",
        "change.declared.fact_id == fact_id:",
        "False:",
        "test_a_portal_change_recorded_again_obliges_by_the_new_terms",
        seed=65,
    ),
    Mistake(
        "a voided registration is answered as if it stood",
        "services/certification/domain/exam_registration.py",
        "(fact.data for fact in valid if isinstance",
        "(fact.data for fact in facts if isinstance",
        "test_a_score_for_a_voided_registration_waits_for_the_next",
    ),
    Mistake(
        "who was registered once is registered for ever",
        "services/certification/domain/consultant.py",
        "if whose != consultant.consultant_id:",
        "if False and whose:",
        "test_the_course_of_one_serves_no_registration_of_another",
        seed=163,
    ),
    Mistake(
        "scores are rounded",
        "shared/rules/scores.py",
        "Decimal(self.value) >= PASS_MARK",
        "round(Decimal(self.value)) >= PASS_MARK",
        "test_a_score_is_never_rounded",
    ),
    Mistake(
        "80 is not enough",
        "shared/rules/scores.py",
        "Decimal(self.value) >= PASS_MARK",
        "Decimal(self.value) > PASS_MARK",
        "test_a_score_is_never_rounded",
        seed=46,
    ),
    Mistake(
        "a correction takes away from the attempt",
        "shared/rules/scores.py",
        "Score(max(correction.effective_at, fact.effective_at), how.score",
        "Score(fact.effective_at, how.score",
        "test_a_correction_takes_away_from_the_decision",
        seed=381,
    ),
    Mistake(
        "a correction gives only from its decision",
        "shared/rules/scores.py",
        "return (Period(first.since, None,",
        "return (Period(latest.since, None,",
        "test_a_correction_gives_from_the_attempt",
        seed=381,
    ),
    Mistake(
        "a revocation at the instant of the grant is ignored",
        f"{RULES}/grants.py",
        "bisect_left(orders, passed_at, key=_effective_at)",
        "sum(order.effective_at <= passed_at for order in orders)",
        "test_a_revocation_at_the_instant_of_the_grant_prevails",
        seed=63,
    ),
    Mistake(
        "a late course revives what was revoked",
        f"{RULES}/grants.py",
        "_until_revoked(periods, attempt.effective_at, registered.product, known)",
        "_until_revoked(periods, granted_at, registered.product, known)",
        "test_a_late_course_does_not_revive_what_was_revoked",
        calculator=False,
    ),
    Mistake(
        "every passing attempt grants",
        f"{RULES}/grants.py",
        "without(passing, earlier)",
        "passing",
        "test_the_other_attempt_of_a_revoked_pass_restores_nothing",
        calculator=False,
    ),
    Mistake(
        "certified without the course",
        f"{RULES}/grants.py",
        "provided(without(passing, earlier), course.effective_at, (course.fact_id,))",
        "without(passing, earlier)",
        "test_the_course_may_come_after_the_pass",
        seed=80,
    ),
)
