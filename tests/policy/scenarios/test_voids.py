"""R33, R34: what was voided leaves its place free; answers as known before the void, between, and after."""

from datetime import date, timedelta

from tests.policy.scenarios.rules import rule
from tests.policy.scenarios.story import Expected, Story
from tests.policy.scenarios.vocabulary import (
    DEVELOPER,
    S200P,
    S200S,
    certified,
    completes_course,
    enrolled,
    is_corrected,
    is_recognised,
    is_void,
    joins,
    maintains,
    portal_changes,
    registers,
    scores,
    utc,
)

START = utc("2023-01-09 09:00")
EXAM = utc("2023-01-16 10:00")
FOUND_OUT = utc("2023-01-23 12:00")
AGAIN = utc("2023-01-30 12:00")
LATER = utc("2023-06-01 12:00")
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


@rule("R33", "R34", through_http=True)
def test_an_attempt_whose_score_is_void_is_scored_again(story: Story) -> None:
    """Given a fail recorded for the wrong person and voided, when the attempt is scored again, then it certifies from
    the exam, for whoever knows of the new score."""
    story.given(completes_course("ines", START), registers("exam-1", "ines", START))
    story.given(wrong := scores("exam-1", 1, "50", EXAM))
    story.then_registration("exam-1", at=EXAM, state="open", attempts_left=1)
    story.when(is_void(wrong, FOUND_OUT))
    story.then_registration("exam-1", at=FOUND_OUT, state="open", attempts_left=2)
    story.when(scores("exam-1", 1, "91", EXAM, recorded_at=AGAIN))
    story.then_registration("exam-1", at=AGAIN, state="passed", attempts_left=0)
    story.then_registration("exam-1", at=EXAM, known_at=FOUND_OUT - MICROSECOND, state="open", attempts_left=1)
    story.then_registration("exam-1", at=EXAM, known_at=AGAIN - MICROSECOND, state="open", attempts_left=2)
    story.then_registration("exam-1", at=EXAM, known_at=AGAIN, state="passed", attempts_left=0)
    story.then_person("ines", at=EXAM, certified=True)
    story.then_person("ines", at=EXAM, known_at=AGAIN - MICROSECOND, certified=False)


@rule("R33", "R8", through_http=True)
def test_a_registration_is_exhausted_by_scores_that_stand(story: Story) -> None:
    """Given two fails, when one of them is voided, then its attempt is left, whichever it is."""
    story.given(completes_course("ines", START), registers("exam-1", "ines", START))
    story.given(first := scores("exam-1", 1, "50", EXAM), scores("exam-1", 2, "60", EXAM + DAY))
    story.then_registration("exam-1", at=EXAM + DAY, state="exhausted", attempts_left=0)
    story.when(is_void(first, FOUND_OUT))
    story.then_registration("exam-1", at=FOUND_OUT, state="open", attempts_left=1)
    story.refuses(scores("exam-1", 2, "95", FOUND_OUT), rule="R34")
    story.when(scores("exam-1", 1, "80", AGAIN))
    story.then_registration("exam-1", at=AGAIN, state="passed", attempts_left=0)
    story.then_person("ines", at=AGAIN, certified=True)


@rule("R33", "R34")
def test_an_attempt_scored_again_has_one_score(story: Story) -> None:
    """Given an attempt scored again, then the same score is known, another is a conflict, and it can be voided, too."""
    story.given(registers("exam-1", "ines", START), completes_course("ines", START))
    story.given(wrong := scores("exam-1", 1, "50", EXAM), is_void(wrong, FOUND_OUT))
    story.given(second := scores("exam-1", 1, "91", AGAIN))
    story.repeats(scores("exam-1", 1, "91.00", AGAIN))
    story.refuses(scores("exam-1", 1, "50", AGAIN), rule="R34")
    story.when(is_void(second, AGAIN))
    story.then_person("ines", at=AGAIN, certified=False)
    story.when(scores("exam-1", 1, "50", AGAIN))
    story.then_registration("exam-1", at=AGAIN, state="open", attempts_left=1)


@rule("R33", "R32", "R35")
def test_a_correction_holds_for_the_attempt_not_for_one_record_of_it(story: Story) -> None:
    """Given a voided score that was corrected, when the attempt is scored again, then the correction is of that score,
    as it is where it comes first; until it is voided itself."""
    story.given(completes_course("ines", START), registers("exam-1", "ines", START))
    story.given(wrong := scores("exam-1", 1, "50", EXAM), correction := is_corrected("exam-1", 1, "85", EXAM + DAY))
    story.then_person("ines", at=EXAM + DAY, certified=True)
    story.when(is_void(wrong, FOUND_OUT))
    story.then_person("ines", at=FOUND_OUT, certified=False)
    story.then_registration("exam-1", at=FOUND_OUT, state="open", attempts_left=2)
    story.when(scores("exam-1", 1, "40", AGAIN))
    story.then_person("ines", at=AGAIN, certified=True)
    story.when(is_void(correction, AGAIN + DAY))
    story.then_person("ines", at=AGAIN + DAY, certified=False)
    story.then_registration("exam-1", at=AGAIN + DAY, state="open", attempts_left=1)


@rule("R33", "R32", through_http=True)
def test_a_voided_correction_gives_way_to_the_next(story: Story) -> None:
    """Given a correction made in error, when it is voided and another is recorded, then only that one ever was."""
    story.given(enrolled("acorn", START, DEVELOPER), joins("ines", "acorn", START))
    story.given(completes_course("ines", START), registers("exam-1", "ines", START), scores("exam-1", 1, "82", EXAM))
    story.given(mistake := is_corrected("exam-1", 1, "70", EXAM + DAY))
    story.then("acorn", at=EXAM + DAY, status="in_window")
    story.when(is_void(mistake, FOUND_OUT))
    story.then("acorn", at=FOUND_OUT, status="compliant", windows=[])
    story.when(is_corrected("exam-1", 1, "78", AGAIN))
    story.then("acorn", at=AGAIN, status="in_window", windows=[Expected(AGAIN, "open")])
    story.then_person("ines", at=EXAM + DAY, certified=True)
    story.then_person("ines", at=EXAM + DAY, known_at=FOUND_OUT - MICROSECOND, certified=False)


@rule("R33", "R35", through_http=True)
def test_a_score_for_a_voided_registration_waits_for_the_next(story: Story) -> None:
    """Given a registration of the wrong person, voided, then there is none; a score waits and binds to the next."""
    story.given(enrolled("acorn", START, DEVELOPER), joins("omar", "acorn", START), completes_course("omar", START))
    story.given(wrong := registers("exam-1", "ines", START), completes_course("ines", START), is_void(wrong, EXAM))
    story.then_no_registration("exam-1", at=EXAM)
    story.when(scores("exam-1", 1, "85", FOUND_OUT))
    story.then_no_registration("exam-1", at=FOUND_OUT)
    story.then_person("ines", at=FOUND_OUT, certified=False)
    story.when(registers("exam-1", "omar", START, recorded_at=AGAIN))
    story.then_registration("exam-1", at=AGAIN, consultant_id="omar", state="passed", attempts_left=0)
    story.then("acorn", at=FOUND_OUT, counted=["omar"], status="compliant")
    story.then_person("ines", at=AGAIN, certified=False)
    story.then_registration("exam-1", at=START, known_at=START, consultant_id="ines", state="open", attempts_left=2)
    story.then_no_registration("exam-1", at=AGAIN, known_at=AGAIN - MICROSECOND)


@rule("R33", "R35", through_http=True)
def test_scores_go_with_the_id_to_whoever_is_registered_under_it_next(story: Story) -> None:
    """Given a pass of a registration of the wrong person, when that is voided and recorded again, then the pass is
    the other person's; voided and recorded again once more, the first's."""
    story.given(completes_course("ines", START), completes_course("omar", START))
    story.given(wrong := registers("exam-1", "ines", START), passed := scores("exam-1", 1, "90", EXAM))
    story.then_person("ines", at=EXAM, certified=True)
    story.when(is_void(wrong, FOUND_OUT))
    story.then_person("ines", at=FOUND_OUT, certified=False)
    story.when(second := registers("exam-1", "omar", START, recorded_at=FOUND_OUT))
    story.then_person("ines", at=FOUND_OUT, certified=False)
    story.then_person("omar", at=EXAM, certified=True)
    story.when(is_void(second, AGAIN), registers("exam-1", "ines", START, recorded_at=AGAIN))
    story.then_person("ines", at=EXAM, certified=True)
    story.then_person("omar", at=EXAM, certified=False)
    story.then_person("omar", at=EXAM, known_at=AGAIN - MICROSECOND, certified=True)
    story.when(is_void(passed, LATER))
    story.then_person("ines", at=EXAM, certified=False)


@rule("R33", "R4", through_http=True)
def test_the_course_of_one_serves_no_registration_of_another(story: Story) -> None:
    """Given a pass that went to somebody without the course, when the first registered does the course, then neither is
    certified."""
    story.given(wrong := registers("exam-1", "ines", START), scores("exam-1", 1, "90", EXAM), is_void(wrong, FOUND_OUT))
    story.given(registers("exam-1", "omar", START, recorded_at=FOUND_OUT))
    story.when(completes_course("ines", START, recorded_at=AGAIN))
    story.then_person("ines", at=AGAIN, certified=False)
    story.then_person("omar", at=AGAIN, certified=False)


@rule("R33")
def test_a_score_of_the_first_registered_is_voided_for_the_second(story: Story) -> None:
    """Given a pass recorded while another person was registered, when it is voided, then the present one loses it."""
    story.given(wrong := registers("exam-1", "ines", START), passed := scores("exam-1", 1, "90", EXAM))
    story.given(is_void(wrong, FOUND_OUT), registers("exam-1", "omar", START, recorded_at=FOUND_OUT))
    story.given(completes_course("omar", START, recorded_at=FOUND_OUT))
    story.then_person("omar", at=FOUND_OUT, certified=True)
    story.when(is_void(passed, AGAIN))
    story.then_person("omar", at=AGAIN, certified=False)
    story.then_registration("exam-1", at=AGAIN, consultant_id="omar", state="open", attempts_left=2)


@rule("R33", "R2")
def test_a_registration_recorded_again_for_the_right_product(story: Story) -> None:
    story.given(completes_course("ines", START, S200P), completes_course("ines", START, S200S))
    story.given(wrong := registers("exam-1", "ines", START, S200P), scores("exam-1", 1, "90", EXAM))
    story.when(is_void(wrong, FOUND_OUT), registers("exam-1", "ines", START, S200S, recorded_at=AGAIN))
    story.then_person("ines", at=AGAIN, product=S200P, certified=False)
    story.then_person("ines", at=EXAM, product=S200S, certified=True)
    story.then_person("ines", at=EXAM, product=S200P, known_at=FOUND_OUT - MICROSECOND, certified=True)


@rule("R33", "R25")
def test_an_exam_recorded_again_as_a_maintenance_assessment(story: Story) -> None:
    """Given an exam that was an assessment in truth, then it certifies nobody and completes maintenance."""
    story.given(is_recognised("ines", START), completes_course("ines", START))
    story.given(completes_course("ines", START, change="login"), portal_changes("login", EXAM, date(2023, 1, 20)))
    story.given(wrong := registers("exam-1", "ines", EXAM), scores("exam-1", 1, "90", EXAM))
    story.given(is_void(wrong, FOUND_OUT))
    story.then_person("ines", at=FOUND_OUT, certified=False)
    story.when(registers("exam-1", "ines", EXAM, change="login", recorded_at=AGAIN))
    story.then_person("ines", at=FOUND_OUT, certified=True)


@rule("R33", "R34")
def test_a_registration_recorded_again_stands_for_one_content(story: Story) -> None:
    story.given(wrong := registers("exam-1", "ines", START), is_void(wrong, FOUND_OUT))
    story.given(registers("exam-1", "omar", START, recorded_at=AGAIN))
    story.repeats(registers("exam-1", "omar", START, recorded_at=AGAIN))
    story.refuses(registers("exam-1", "ines", START, recorded_at=AGAIN), rule="R34")


@rule("R33", "R25", "R26", "R27", through_http=True)
def test_a_portal_change_recorded_again_obliges_by_the_new_terms(story: Story) -> None:
    """Given a change declared with the wrong due day, by which everybody lapsed, when it is voided and declared again,
    then nobody did, until the right day."""
    story.given(enrolled("acorn", START, DEVELOPER), certified("ines", partner="acorn", at=START))
    story.given(wrong := portal_changes("login", EXAM, date(2023, 1, 17)))
    lapse, due = utc("2023-01-18 00:00"), utc("2023-02-11 00:00")
    story.then("acorn", at=lapse, status="in_window", windows=[Expected(lapse, "open")])
    story.when(is_void(wrong, FOUND_OUT))
    story.then("acorn", at=FOUND_OUT, status="compliant", windows=[])
    story.then_notified("login", at=FOUND_OUT)
    story.when(portal_changes("login", EXAM, date(2023, 2, 10), recorded_at=AGAIN))
    story.then("acorn", at=AGAIN, status="compliant", windows=[])
    story.then_notified("login", "acorn", at=EXAM)
    story.then_notified("login", at=EXAM - MICROSECOND)
    story.then("acorn", at=due, status="in_window", windows=[Expected(due, "open")])
    story.then("acorn", at=lapse, known_at=FOUND_OUT - MICROSECOND, status="in_window")
    story.then_notified("login", "acorn", at=AGAIN, known_at=FOUND_OUT - MICROSECOND)
    story.then_notified("login", at=AGAIN, known_at=AGAIN - MICROSECOND)


@rule("R33", "R27", through_http=True)
def test_a_change_declared_again_is_communicated_as_of_its_new_announcement(story: Story) -> None:
    """Given a change that was announced later in truth, then those enrolled by then are told, before it nobody."""
    story.given(enrolled("acorn", START), wrong := portal_changes("login", EXAM, date(2023, 3, 1)))
    story.given(enrolled("birch", FOUND_OUT), is_void(wrong, FOUND_OUT))
    story.when(portal_changes("login", AGAIN, date(2023, 3, 1)))
    story.then_notified("login", "acorn", "birch", at=AGAIN)
    story.then_notified("login", at=EXAM)
    story.then_notified("login", "acorn", at=EXAM, known_at=EXAM)


@rule("R33", "R25", through_http=True)
def test_a_change_declared_again_for_another_product_or_as_minor(story: Story) -> None:
    story.given(enrolled("acorn", START, DEVELOPER), certified("ines", partner="acorn", at=START))
    story.given(is_recognised("ines", START, S200S))
    story.given(wrong := portal_changes("login", EXAM, date(2023, 1, 17), products=(S200P,)))
    story.when(is_void(wrong, FOUND_OUT))
    story.when(second := portal_changes("login", EXAM, date(2023, 1, 17), products=(S200S,), recorded_at=FOUND_OUT))
    story.then_person("ines", at=FOUND_OUT, product=S200P, certified=True)
    story.then_person("ines", at=FOUND_OUT, product=S200S, certified=False)
    story.when(is_void(second, AGAIN))
    story.when(portal_changes("login", EXAM, date(2023, 1, 17), significant=False, recorded_at=AGAIN))
    story.then_person("ines", at=AGAIN, product=S200S, certified=True)
    story.then_notified("login", at=AGAIN)


@rule("R33", "R25")
def test_maintenance_done_for_the_id_counts_for_the_change_declared_again(story: Story) -> None:
    """Given maintenance completed for a change that is voided and declared again, then it is complete for that."""
    story.given(enrolled("acorn", START, DEVELOPER), certified("ines", partner="acorn", at=START))
    story.given(wrong := portal_changes("login", EXAM, date(2023, 1, 17)), maintains("ines", "login", EXAM + DAY))
    story.when(is_void(wrong, FOUND_OUT), portal_changes("login", EXAM, date(2023, 1, 20), recorded_at=AGAIN))
    story.then("acorn", at=AGAIN, status="compliant", windows=[])


@rule("R33", "R34")
def test_a_portal_change_declared_again_stands_for_one_content(story: Story) -> None:
    story.given(wrong := portal_changes("login", START, date(2023, 3, 1)), is_void(wrong, FOUND_OUT))
    story.given(second := portal_changes("login", START, date(2023, 4, 1), recorded_at=AGAIN))
    story.repeats(portal_changes("login", START, date(2023, 4, 1), recorded_at=AGAIN))
    story.refuses(portal_changes("login", START, date(2023, 3, 1), recorded_at=AGAIN), rule="R34")
    story.when(is_void(second, LATER), portal_changes("login", START, date(2023, 3, 1), recorded_at=LATER))
