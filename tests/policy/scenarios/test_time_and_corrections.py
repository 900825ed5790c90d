"""R30-R36: late, corrected, voided, repeated and future facts; answers as of what was known."""

from datetime import timedelta

from tests.policy.scenarios.rules import rule
from tests.policy.scenarios.story import Expected, Story
from tests.policy.scenarios.vocabulary import (
    DEVELOPER,
    VAR,
    becomes,
    certified,
    completes_course,
    enrolled,
    is_corrected,
    is_recognised,
    is_revoked,
    is_void,
    joins,
    leaves,
    passes_exam,
    portal_changes,
    registers,
    scores,
    utc,
)

START = utc("2023-01-09 09:00")
EXAM = utc("2023-01-16 10:00")
LOSS = utc("2023-02-06 17:30")
LEARNED = utc("2023-02-24 08:00")
DEADLINE = utc("2023-03-09 00:00")
LATER = utc("2023-12-01 00:00")
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


def team(story: Story, *people: str) -> None:
    story.given(enrolled("acorn", START), certified(*people, partner="acorn", at=START))


@rule("R30", "R31", through_http=True)
def test_the_clock_runs_from_leaving_not_from_notice(story: Story) -> None:
    """Given a departure told 18 days late, then its window began at the departure; what was answered before the
    notice can still be had."""
    team(story, "ines", "omar")
    story.when(leaves("omar", "acorn", LOSS, recorded_at=LEARNED))
    story.then("acorn", at=LEARNED, status="in_window", windows=[Expected(LOSS, "open", deadline_at=DEADLINE)])
    story.then("acorn", at=LEARNED, known_at=LEARNED - MICROSECOND, status="compliant", windows=[])
    story.then("acorn", at=LOSS, known_at=LEARNED, status="in_window")


@rule("R30", "R19")
def test_a_departure_told_after_its_deadline_suspends_from_the_deadline(story: Story) -> None:
    team(story, "ines", "omar")
    told = DEADLINE + 7 * DAY
    story.when(leaves("omar", "acorn", LOSS, recorded_at=told))
    story.then("acorn", at=told, known_at=told - MICROSECOND, status="compliant")
    story.then("acorn", at=told, status="suspended", suspensions=[(DEADLINE, None)])


@rule("R31", "R33", through_http=True)
def test_past_answers_stay_for_ever(story: Story) -> None:
    """Given a suspension that followed from a departure told in error, when that is voided, then there never was a
    window, and the answer of the time is still to be had."""
    team(story, "ines", "omar")
    story.given(mistake := leaves("omar", "acorn", LOSS))
    found = DEADLINE + 3 * DAY
    story.when(is_void(mistake, found))
    story.then("acorn", at=found, status="compliant", windows=[], suspensions=[])
    story.then("acorn", at=DEADLINE, status="compliant", windows=[])
    known = found - MICROSECOND
    story.then("acorn", at=DEADLINE, known_at=known, status="suspended", suspensions=[(DEADLINE, None)])


@rule("R32", through_http=True)
def test_a_correction_takes_away_from_the_decision(story: Story) -> None:
    """Given 82 corrected to 78, then the certification ends when the correction takes effect, and a window opens
    then, not at the exam."""
    story.given(enrolled("acorn", START, DEVELOPER), joins("ines", "acorn", START), passes_exam("exam-1", "ines", EXAM))
    story.when(is_corrected("exam-1", 1, "78", LOSS))
    story.then_person("ines", at=LOSS - MICROSECOND, certified=True)
    story.then_person("ines", at=LOSS, certified=False)
    story.then("acorn", at=LOSS, status="in_window", windows=[Expected(LOSS, "open")])
    story.then_registration("exam-1", at=LOSS, state="open", attempts_left=1)


@rule("R32", "R37", through_http=True)
def test_what_a_correction_ended_nobody_revoked(story: Story) -> None:
    """Given a pass corrected to a fail, then the correction is the reason, until somebody does revoke."""
    story.given(passes_exam("exam-1", "ines", EXAM))
    story.when(corrected := is_corrected("exam-1", 1, "78", LOSS))
    story.then_because("ines", "R32", corrected, at=LOSS)
    story.when(revoked := is_revoked("ines", LEARNED))
    story.then_because("ines", "R32", corrected, at=LEARNED - MICROSECOND)
    story.then_because("ines", "R37", revoked, at=LEARNED)


@rule("R32")
def test_a_correction_gives_from_the_attempt(story: Story) -> None:
    """Given 78 corrected to 82, then the certification holds from the exam, for whoever knows of the correction."""
    story.given(completes_course("ines", START), registers("exam-1", "ines", START), scores("exam-1", 1, "78", EXAM))
    story.when(is_corrected("exam-1", 1, "82", LOSS))
    story.then_person("ines", at=EXAM, certified=True)
    story.then_person("ines", at=LOSS, known_at=LOSS - MICROSECOND, certified=False)


@rule("R32")
def test_there_and_back_leaves_no_gap(story: Story) -> None:
    """Given 82, then 78, then 82 again, then there was no time without a pass."""
    story.given(passes_exam("exam-1", "ines", EXAM), is_corrected("exam-1", 1, "78", LOSS))
    story.when(is_corrected("exam-1", 1, "82", LEARNED))
    story.then_person("ines", at=LOSS, certified=True)
    story.then_person("ines", at=LOSS, known_at=LEARNED - MICROSECOND, certified=False)


@rule("R32")
def test_back_and_there_passes_between_the_corrections_only(story: Story) -> None:
    """Given 78, then 82, then 78 again, then it passed from the first correction to the second."""
    story.given(completes_course("ines", START), registers("exam-1", "ines", START), scores("exam-1", 1, "78", EXAM))
    story.when(is_corrected("exam-1", 1, "82", LOSS), is_corrected("exam-1", 1, "78", LEARNED))
    story.then_person("ines", at=LOSS - MICROSECOND, certified=False)
    story.then_person("ines", at=LOSS, certified=True)
    story.then_person("ines", at=LEARNED, certified=False)


@rule("R7", "R32")
def test_a_pass_corrected_away_lets_the_other_attempt_grant(story: Story) -> None:
    """Given two passing attempts, when the first is corrected to a fail, then the second carries on at once."""
    story.given(passes_exam("exam-1", "ines", EXAM), scores("exam-1", 2, "85", LOSS))
    story.when(is_corrected("exam-1", 1, "60", LEARNED))
    story.then_person("ines", at=LEARNED - MICROSECOND, certified=True)
    story.then_person("ines", at=LEARNED, certified=True)
    story.then_registration("exam-1", at=LEARNED, state="passed", attempts_left=0)


@rule("R33")
def test_a_void_is_final_and_comes_once(story: Story) -> None:
    """Given a voided departure, then neither the void nor the departure can be voided, and nothing unknown."""
    team(story, "ines", "omar")
    story.given(mistake := leaves("omar", "acorn", LOSS))
    story.given(correction := is_void(mistake, LEARNED))
    story.refuses(is_void(correction, LEARNED), rule="R33")
    story.refuses(is_void(mistake, LEARNED), rule="R33")
    story.then("acorn", at=LEARNED, status="compliant")


@rule("R33")
def test_a_voided_registration_takes_its_attempts_along(story: Story) -> None:
    story.given(completes_course("ines", START), registration := registers("exam-1", "ines", START))
    story.given(scores("exam-1", 1, "90", EXAM))
    story.then_person("ines", at=LOSS, certified=True)
    story.when(is_void(registration, LOSS))
    story.then_person("ines", at=LOSS, certified=False)
    story.then_no_registration("exam-1", at=LOSS)


@rule("R34", through_http=True)
def test_one_attempt_is_one_score(story: Story) -> None:
    """Given a score, when the same comes again it is known; when another comes, it is a conflict and not applied."""
    story.given(completes_course("ines", START), registers("exam-1", "ines", START), scores("exam-1", 1, "70", EXAM))
    story.repeats(scores("exam-1", 1, "70.00", LOSS))
    story.refuses(scores("exam-1", 1, "95", LOSS), rule="R34")
    story.then_person("ines", at=LATER, certified=False)
    story.then_registration("exam-1", at=LATER, state="open", attempts_left=1)


@rule("R34")
def test_one_registration_and_one_portal_change_are_recorded_once(story: Story) -> None:
    registration = registers("exam-1", "ines", START)
    change = portal_changes("login", START, LOSS.date())
    story.given(registration, change)
    story.repeats(registers("exam-1", "ines", START))
    story.repeats(portal_changes("login", START, LOSS.date()))
    story.refuses(registers("exam-1", "omar", START), rule="R34")
    story.refuses(portal_changes("login", START, LATER.date()), rule="R34")


@rule("R35", through_http=True)
def test_a_score_may_arrive_before_its_registration(story: Story) -> None:
    """Given a score and its correction without a registration, when that arrives, then they bind by its id, even
    where the exam is stamped before the registration."""
    story.given(completes_course("ines", START), scores("exam-1", 1, "70", EXAM))
    story.given(is_corrected("exam-1", 1, "88", EXAM + DAY))
    story.then_person("ines", at=LATER, certified=False)
    story.when(registers("exam-1", "ines", EXAM + DAY, recorded_at=LOSS))
    story.then_person("ines", at=EXAM, certified=True)
    story.then_person("ines", at=LATER, known_at=LOSS - MICROSECOND, certified=False)


@rule("R35")
def test_a_departure_told_before_the_arrival(story: Story) -> None:
    """Given the departure first and the arrival after it, told the wrong way round, then the person was there
    between the two."""
    story.given(enrolled("acorn", START, DEVELOPER))
    story.when(leaves("ines", "acorn", LOSS))
    story.when(joins("ines", "acorn", START, recorded_at=LOSS), is_recognised("ines", START, recorded_at=LOSS))
    story.then("acorn", at=LOSS - MICROSECOND, counted=["ines"])
    story.then("acorn", at=LOSS, counted=[], windows=[Expected(LOSS, "open")])


@rule("R35")
def test_of_two_kinds_at_one_instant_the_later_recorded_holds(story: Story) -> None:
    story.given(enrolled("acorn", START, VAR), certified("ines", partner="acorn", at=START))
    story.when(becomes("acorn", DEVELOPER, LOSS), becomes("acorn", VAR, LOSS))
    story.then("acorn", at=LOSS, minimum=2)
    story.when(becomes("acorn", DEVELOPER, LOSS, recorded_at=LEARNED))
    story.then("acorn", at=LOSS, minimum=1, status="compliant")


@rule("R36", through_http=True)
def test_a_fact_of_the_future_waits_for_its_day(story: Story) -> None:
    """Given a departure announced in advance, then it has no effect before its day, and is foreseen for it."""
    team(story, "ines", "omar")
    story.when(leaves("omar", "acorn", LEARNED, recorded_at=LOSS))
    story.then("acorn", at=LEARNED - MICROSECOND, status="compliant", windows=[])
    story.then("acorn", at=LEARNED, status="in_window", windows=[Expected(LEARNED, "open")])


@rule("R36", "R32", "R33")
def test_corrections_of_the_future_are_refused(story: Story) -> None:
    story.given(registers("exam-1", "ines", START), scores("exam-1", 1, "70", EXAM))
    story.refuses(is_corrected("exam-1", 1, "90", LATER, recorded_at=LOSS), rule="R36")
