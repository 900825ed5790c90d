"""Becoming certified, rule by rule: given what was told, a grant holds in these periods."""

import pytest

from services.certification.domain.exam_registration import Progress, progress
from shared.events.facts import CertificationRevoked, ConsultantCertified
from tests.certification.seed import FOR_EVER, ConsultantFacts, day


@pytest.fixture
def told() -> ConsultantFacts:
    return ConsultantFacts()


def state(told: ConsultantFacts, at: float) -> tuple[str, int]:
    found: Progress | None = progress(told.log, day(at))
    assert found is not None
    return found.state, found.attempts_left


class TestBecomingCertified:
    def test_from_the_pass_where_the_course_came_first(self, told: ConsultantFacts) -> None:
        """R4."""
        told.course(on=1)
        told.registered("R1", on=2)
        grant = told.scored("R1", 1, "80", on=3)
        assert told.holds(grant) == [(3, FOR_EVER)]
        assert told.statement(grant).granted_at == day(3)

    def test_from_the_course_where_the_pass_came_first(self, told: ConsultantFacts) -> None:
        """R4."""
        told.registered("R1", on=1)
        grant = told.scored("R1", 1, "91", on=2)
        assert told.holds(grant) == [], "a pass alone certifies nobody"
        told.course(on=5)
        assert told.holds(grant) == [(5, FOR_EVER)]
        assert told.statement(grant).granted_at == day(5)

    def test_the_earliest_course_counts_whenever_it_is_told(self, told: ConsultantFacts) -> None:
        """R35."""
        told.registered("R1", on=1)
        grant = told.scored("R1", 1, "91", on=2)
        told.course(on=5)
        told.course(on=3)
        assert told.holds(grant) == [(3, FOR_EVER)]

    @pytest.mark.parametrize(
        ("score", "passes"), [("80", True), ("80.00", True), ("79.99", False), ("100", True), ("0", False)]
    )
    def test_a_pass_is_eighty_per_cent_never_rounded(self, told: ConsultantFacts, score: str, *, passes: bool) -> None:
        """R6."""
        told.course(on=1)
        told.registered("R1", on=1)
        assert bool(told.holds(told.scored("R1", 1, score, on=2))) is passes

    def test_a_product_is_a_certification_of_its_own(self, told: ConsultantFacts) -> None:
        """R2."""
        told.course(on=1, product="S200S")
        told.registered("R1", on=1, product="S200P")
        assert told.holds(told.scored("R1", 1, "90", on=2)) == []

    def test_without_any_azure_knowledge(self, told: ConsultantFacts) -> None:
        """R3: nothing else is asked for."""
        told.course(on=1)
        told.registered("R1", on=1)
        assert told.holds(told.scored("R1", 1, "90", on=2))

    def test_no_certification_expires_with_time(self, told: ConsultantFacts) -> None:
        """R24."""
        grant = told.recognised(on=1)
        assert told.holds(grant) == [(1, FOR_EVER)]

    def test_before_it_takes_effect_a_future_pass_has_none(self, told: ConsultantFacts) -> None:
        """R36: its period begins in the future."""
        told.course(on=1)
        told.registered("R1", on=1)
        assert told.holds(told.scored("R1", 1, "90", on=4000)) == [(4000, FOR_EVER)]


class TestRegistrations:
    def test_two_attempts_then_none(self, told: ConsultantFacts) -> None:
        """R5, R8."""
        told.registered("R1", on=1)
        assert state(told, at=1) == ("open", 2)
        told.scored("R1", 1, "70", on=2)
        assert state(told, at=2) == ("open", 1)
        told.scored("R1", 2, "75", on=3)
        assert state(told, at=3) == ("exhausted", 0)
        assert state(told, at=2) == ("open", 1), "as of the day before"

    def test_registering_again_gives_two_fresh_attempts_and_keeps_the_course(self, told: ConsultantFacts) -> None:
        """R8."""
        told.course(on=1)
        told.registered("R1", on=1)
        told.scored("R1", 1, "70", on=2)
        told.scored("R1", 2, "75", on=3)
        told.registered("R2", on=3)
        assert told.holds(told.scored("R2", 1, "80", on=3)) == [(3, FOR_EVER)]

    def test_the_earliest_pass_ends_the_registration(self, told: ConsultantFacts) -> None:
        """R7."""
        told.course(on=1)
        told.registered("R1", on=1)
        second = told.scored("R1", 2, "95", on=5)
        first = told.scored("R1", 1, "85", on=3)
        assert (told.holds(first), told.holds(second)) == ([(3, FOR_EVER)], [])
        assert state(told, at=4) == ("passed", 0)

    def test_of_two_passes_at_one_instant_the_first_attempt_grants(self, told: ConsultantFacts) -> None:
        """R7."""
        told.course(on=1)
        told.registered("R1", on=1)
        second = told.scored("R1", 2, "95", on=3)
        first = told.scored("R1", 1, "85", on=3)
        assert (told.holds(first), told.holds(second)) == ([(3, FOR_EVER)], [])

    def test_a_fail_after_the_pass_changes_nothing(self, told: ConsultantFacts) -> None:
        """R7."""
        told.course(on=1)
        told.registered("R1", on=1)
        grant = told.scored("R1", 1, "88", on=2)
        published = len(told.log)
        told.scored("R1", 2, "40", on=3)
        assert told.holds(grant) == [(2, FOR_EVER)]
        assert len(told.log) == published + 1, "nothing is stated twice"

    def test_an_attempt_belongs_to_its_registration_by_id_not_by_clock(self, told: ConsultantFacts) -> None:
        """R35."""
        told.course(on=1)
        grant = told.scored("R1", 1, "85", on=2)
        told.registered("R1", on=3)
        assert told.holds(grant) == [(2, FOR_EVER)]

    def test_a_voided_registration_grants_nothing(self, told: ConsultantFacts) -> None:
        """R33."""
        told.course(on=1)
        registered = told.registered("R1", on=1)
        grant = told.scored("R1", 1, "85", on=2)
        told.voided(registered, on=9)
        assert told.holds(grant) == []
        assert isinstance(told.statement(grant), CertificationRevoked)


class TestCorrections:
    """R32."""

    @pytest.fixture
    def told(self) -> ConsultantFacts:
        told = ConsultantFacts()
        told.course(on=1)
        told.registered("R1", on=1)
        return told

    def test_down_takes_away_from_the_decision(self, told: ConsultantFacts) -> None:
        grant = told.scored("R1", 1, "82", on=2)
        told.corrected("R1", 1, "78", on=7)
        assert told.holds(grant) == [(2, 7)]
        assert isinstance(told.statement(grant), CertificationRevoked)
        assert state(told, at=7) == ("open", 1), "the attempt stays used"

    def test_up_gives_from_the_attempt(self, told: ConsultantFacts) -> None:
        grant = told.scored("R1", 1, "78", on=2)
        told.corrected("R1", 1, "82", on=7)
        assert told.holds(grant) == [(2, FOR_EVER)]
        assert isinstance(told.statement(grant), ConsultantCertified)

    def test_down_and_up_again_leaves_no_gap(self, told: ConsultantFacts) -> None:
        grant = told.scored("R1", 1, "82", on=2)
        told.corrected("R1", 1, "78", on=7)
        told.corrected("R1", 1, "82", on=9)
        assert told.holds(grant) == [(2, FOR_EVER)]

    def test_up_and_down_again_passes_only_between_the_two(self, told: ConsultantFacts) -> None:
        grant = told.scored("R1", 1, "78", on=2)
        told.corrected("R1", 1, "82", on=7)
        told.corrected("R1", 1, "78", on=9)
        assert told.holds(grant) == [(7, 9)]

    def test_a_better_pass_makes_no_new_period(self, told: ConsultantFacts) -> None:
        grant = told.scored("R1", 1, "82", on=2)
        told.corrected("R1", 1, "85", on=7)
        told.corrected("R1", 1, "78", on=9)
        assert told.holds(grant) == [(2, 9)]

    def test_in_any_order_of_delivery(self, told: ConsultantFacts) -> None:
        """R35."""
        told.corrected("R1", 1, "78", on=9)
        told.corrected("R1", 1, "82", on=7)
        assert told.holds(told.scored("R1", 1, "78", on=2)) == [(7, 9)]

    def test_of_two_at_one_instant_the_later_recorded_wins(self, told: ConsultantFacts) -> None:
        """R35."""
        grant = told.scored("R1", 1, "82", on=2)
        told.corrected("R1", 1, "70", on=7)
        told.corrected("R1", 1, "90", on=7)
        assert told.holds(grant) == [(2, FOR_EVER)]

    def test_one_stamped_before_its_attempt_is_in_force_from_the_attempt(self, told: ConsultantFacts) -> None:
        told.corrected("R1", 1, "70", on=1)
        assert told.holds(told.scored("R1", 1, "82", on=2)) == []

    def test_where_the_first_pass_is_corrected_away_the_second_grants_from_then(self, told: ConsultantFacts) -> None:
        """R7."""
        first = told.scored("R1", 1, "82", on=2)
        second = told.scored("R1", 2, "90", on=3)
        told.corrected("R1", 1, "78", on=7)
        assert (told.holds(first), told.holds(second)) == ([(2, 7)], [(7, FOR_EVER)])

    def test_a_voided_correction_never_was(self, told: ConsultantFacts) -> None:
        """R33."""
        grant = told.scored("R1", 1, "82", on=2)
        correction = told.corrected("R1", 1, "78", on=7)
        told.voided(correction, on=8)
        assert told.holds(grant) == [(2, FOR_EVER)]


class TestRevocations:
    """R37."""

    def test_it_ends_at_the_revocation(self, told: ConsultantFacts) -> None:
        grant = told.recognised(on=1)
        told.revoked(on=5)
        assert told.holds(grant) == [(1, 5)]

    def test_at_the_instant_of_the_grant_it_prevails(self, told: ConsultantFacts) -> None:
        grant = told.recognised(on=5)
        told.revoked(on=5)
        assert told.holds(grant) == []

    def test_a_later_pass_restores_it(self, told: ConsultantFacts) -> None:
        told.course(on=1)
        told.recognised(on=1)
        told.revoked(on=5)
        told.registered("R1", on=6)
        assert told.holds(told.scored("R1", 1, "80", on=7)) == [(7, FOR_EVER)]

    def test_a_late_course_does_not(self, told: ConsultantFacts) -> None:
        told.registered("R1", on=1)
        grant = told.scored("R1", 1, "90", on=2)
        told.revoked(on=5)
        told.course(on=7)
        assert told.holds(grant) == []

    def test_nor_does_the_other_attempt_of_a_passed_registration(self, told: ConsultantFacts) -> None:
        """R7."""
        told.course(on=1)
        told.registered("R1", on=1)
        told.scored("R1", 1, "90", on=2)
        told.revoked(on=5)
        assert told.holds(told.scored("R1", 2, "95", on=7)) == []

    def test_the_other_product_goes_on(self, told: ConsultantFacts) -> None:
        """R2."""
        grant = told.recognised(on=1, product="S200S")
        told.revoked(on=5, product="S200P")
        assert told.holds(grant) == [(1, FOR_EVER)]

    def test_told_late_it_ended_when_it_ended(self, told: ConsultantFacts) -> None:
        """R30."""
        grant = told.recognised(on=1)
        told.revoked(on=9)
        told.revoked(on=5)
        assert told.holds(grant) == [(1, 5)]

    def test_voided_it_never_was(self, told: ConsultantFacts) -> None:
        """R33."""
        grant = told.recognised(on=1)
        revocation = told.revoked(on=5)
        told.voided(revocation, on=6)
        assert told.holds(grant) == [(1, FOR_EVER)]


class TestMaintenance:
    """R25."""

    def test_completed_when_training_and_assessment_are_both_done(self, told: ConsultantFacts) -> None:
        told.registered("M1", on=1, change="CH1")
        told.scored("M1", 1, "85", on=2)
        assert told.maintained("CH1") == []
        told.course(on=4, change="CH1")
        assert told.maintained("CH1") == [(4, FOR_EVER)]

    def test_any_registration_and_attempt_for_the_change_will_do(self, told: ConsultantFacts) -> None:
        told.course(on=1, change="CH1")
        told.registered("M1", on=1, change="CH1")
        told.scored("M1", 1, "79", on=2)
        told.scored("M1", 2, "60", on=3)
        told.registered("M2", on=4, change="CH1")
        told.scored("M2", 1, "80", on=5)
        assert told.maintained("CH1") == [(5, FOR_EVER)]

    def test_it_is_no_certification_and_no_certification_is_maintenance(self, told: ConsultantFacts) -> None:
        told.course(on=1)
        told.course(on=1, change="CH1")
        told.registered("M1", on=1, change="CH1")
        told.registered("R1", on=1)
        maintenance, exam = told.scored("M1", 1, "90", on=2), told.scored("R1", 1, "90", on=3)
        assert (told.holds(maintenance), told.maintained("CH1")) == ([], [(2, FOR_EVER)])
        assert told.holds(exam) == [(3, FOR_EVER)]

    def test_each_product_and_each_change_by_itself(self, told: ConsultantFacts) -> None:
        told.course(on=1, change="CH1")
        told.registered("M1", on=1, change="CH2")
        told.registered("M2", on=1, product="S200S", change="CH1")
        told.scored("M1", 1, "90", on=2)
        told.scored("M2", 1, "90", on=2)
        assert (told.maintained("CH1"), told.maintained("CH2"), told.maintained("CH1", "S200S")) == ([], [], [])

    def test_a_correction_takes_it_away_from_then(self, told: ConsultantFacts) -> None:
        """R32."""
        told.course(on=1, change="CH1")
        told.registered("M1", on=1, change="CH1")
        told.scored("M1", 1, "82", on=2)
        told.corrected("M1", 1, "78", on=7)
        assert told.maintained("CH1") == [(2, 7)]

    def test_a_revocation_leaves_it(self, told: ConsultantFacts) -> None:
        told.course(on=1, change="CH1")
        told.registered("M1", on=1, change="CH1")
        told.scored("M1", 1, "82", on=2)
        told.revoked(on=5)
        assert told.maintained("CH1") == [(2, FOR_EVER)]


def test_a_period_names_the_facts_that_made_it_start_and_end(told: ConsultantFacts) -> None:
    """R31: the reasons of every answer."""
    course = told.course(on=1)
    told.registered("R1", on=1)
    grant = told.scored("R1", 1, "82", on=2)
    correction = told.corrected("R1", 1, "78", on=7)
    (period,) = told.statement(grant).periods
    assert set(period.start_facts) == {course, grant}
    assert period.end_facts == (correction,)
