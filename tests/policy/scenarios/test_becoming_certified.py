"""R1-R8, R24, R37: how people become and cease to be certified."""

from tests.policy.scenarios.rules import rule
from tests.policy.scenarios.story import Story
from tests.policy.scenarios.vocabulary import (
    S200P,
    S200S,
    certified,
    completes_course,
    enrolled,
    is_recognised,
    is_revoked,
    is_void,
    joins,
    leaves,
    leaves_programme,
    passes_exam,
    registers,
    scores,
    utc,
)

START = utc("2023-02-06 09:00")
COURSE = utc("2023-02-13 15:00")
EXAM = utc("2023-02-20 10:00")
RESIT = utc("2023-02-27 10:00")
LATER = utc("2023-06-01 00:00")


@rule("R1", "R3", "R4", through_http=True)
def test_a_linked_and_certified_person_uses_the_portal(story: Story) -> None:
    """Given a consultant of an enrolled partner, when course and exam are done (and no Azure evidence was ever
    asked for), then the portal opens at the pass and not a microsecond before."""
    story.given(enrolled("acorn", START), joins("ines", "acorn", START))
    story.given(completes_course("ines", COURSE), registers("exam-1", "ines", COURSE))
    story.when(scores("exam-1", 1, "83.5", EXAM))
    story.then_person("ines", at=COURSE, certified=False, portal_user=False)
    story.then_person("ines", at=EXAM, certified=True, portal_user=True)


@rule("R1", "R11", "R28")
def test_certified_people_without_an_enrolled_partner_do_not_use_the_portal(story: Story) -> None:
    """Given a certified consultant, when the partner leaves the programme or the consultant the partner, then the
    certification stays and the portal closes."""
    story.given(enrolled("acorn", START), certified("ines", "omar", partner="acorn", at=START))
    story.when(leaves("omar", "acorn", COURSE), leaves_programme("acorn", EXAM))
    story.then_person("omar", at=COURSE, certified=True, portal_user=False)
    story.then_person("ines", at=COURSE, certified=True, portal_user=True)
    story.then_person("ines", at=EXAM, certified=True, portal_user=False)


@rule("R2", "R9")
def test_each_product_is_a_certification_of_its_own(story: Story) -> None:
    """Given a pass for Professional, when asked about Standard, then nobody counts there."""
    story.given(enrolled("acorn", START), joins("ines", "acorn", START), passes_exam("exam-1", "ines", EXAM))
    story.then("acorn", at=EXAM, product=S200P, counted=["ines"], headcount=1)
    story.then("acorn", at=EXAM, product=S200S, counted=[], headcount=0)
    story.when(completes_course("ines", RESIT, S200S))
    story.then_person("ines", at=LATER, product=S200S, certified=False)


@rule("R4")
def test_the_course_may_come_after_the_pass(story: Story) -> None:
    """Given a pass, when the course is completed a week later, then that is when the certification begins."""
    story.given(registers("exam-1", "ines", COURSE), scores("exam-1", 1, "95", EXAM))
    story.when(completes_course("ines", RESIT))
    story.then_person("ines", at=EXAM, certified=False)
    story.then_person("ines", at=RESIT, certified=True)


@rule("R5")
def test_a_third_attempt_is_refused(story: Story) -> None:
    story.given(registers("exam-1", "ines", START))
    story.refuses(scores("exam-1", 3, "99", EXAM), rule="R5")
    story.refuses(scores("exam-1", 0, "99", EXAM), rule="R5")
    story.then_registration("exam-1", at=LATER, state="open", attempts_left=2)


@rule("R5", "R35")
def test_the_second_score_may_arrive_before_the_first(story: Story) -> None:
    """Given only the score of attempt 2, when that of attempt 1 arrives, then both have been used."""
    story.given(completes_course("ines", START), registers("exam-1", "ines", START))
    story.when(scores("exam-1", 2, "79", RESIT), scores("exam-1", 1, "60", EXAM, recorded_at=LATER))
    story.then_registration("exam-1", at=EXAM, state="open", attempts_left=1)
    story.then_registration("exam-1", at=RESIT, state="exhausted", attempts_left=0)


@rule("R6", through_http=True)
def test_a_score_is_never_rounded(story: Story) -> None:
    """Given 79.99 and then 80.00, then only the second passes."""
    story.given(completes_course("ines", START), registers("exam-1", "ines", START))
    story.when(scores("exam-1", 1, "79.99", EXAM))
    story.then_registration("exam-1", at=EXAM, state="open", attempts_left=1)
    story.when(scores("exam-1", 2, "80.00", RESIT))
    story.then_person("ines", at=EXAM, certified=False)
    story.then_person("ines", at=RESIT, certified=True)


@rule("R7")
def test_what_comes_after_a_pass_changes_nothing(story: Story) -> None:
    """Given a pass, when the same registration fails afterwards, then the certification stands."""
    story.given(passes_exam("exam-1", "ines", EXAM))
    story.when(scores("exam-1", 2, "12", RESIT))
    story.then_registration("exam-1", at=RESIT, state="passed", attempts_left=0)
    story.then_person("ines", at=LATER, certified=True)


@rule("R8")
def test_registering_again_does_not_repeat_the_course(story: Story) -> None:
    """Given two fails, when a new registration passes, then the old course still serves."""
    story.given(completes_course("ines", START), registers("exam-1", "ines", START))
    story.given(scores("exam-1", 1, "50", COURSE), scores("exam-1", 2, "70", EXAM))
    story.when(registers("exam-2", "ines", EXAM), scores("exam-2", 1, "88", RESIT))
    story.then_registration("exam-1", at=EXAM, state="exhausted", attempts_left=0)
    story.then_registration("exam-2", at=EXAM, state="open", attempts_left=2)
    story.then_person("ines", at=RESIT, certified=True)


@rule("R24")
def test_a_certification_is_good_for_decades(story: Story) -> None:
    story.given(enrolled("acorn", START), certified("ines", "omar", partner="acorn", at=START))
    story.then("acorn", at=utc("2061-01-01 00:00"), status="compliant", headcount=2)


@rule("R37", through_http=True)
def test_a_revocation_at_the_instant_of_the_grant_prevails(story: Story) -> None:
    """Given a recognition and a revocation of one instant, then nobody is certified, until recognised anew."""
    story.given(is_recognised("ines", START), is_revoked("ines", START))
    story.then_person("ines", at=START, certified=False)
    story.when(is_recognised("ines", EXAM))
    story.then_person("ines", at=EXAM, certified=True)


@rule("R37", "R4")
def test_a_late_course_does_not_revive_what_was_revoked(story: Story) -> None:
    """Given a pass without the course and a revocation, when the course follows, then the pass is spent."""
    story.given(registers("exam-1", "ines", START), scores("exam-1", 1, "90", START), is_revoked("ines", COURSE))
    story.when(completes_course("ines", EXAM))
    story.then_person("ines", at=LATER, certified=False)
    story.when(registers("exam-2", "ines", EXAM), scores("exam-2", 1, "80", RESIT))
    story.then_person("ines", at=RESIT, certified=True)


@rule("R37", "R4", through_http=True)
def test_the_reason_is_the_revocation_even_where_it_ended_nothing_yet(story: Story) -> None:
    """Given revocations at the instant of a recognition, at that of a pass, and between a pass and its course, then
    nobody is certified for the revocation, not for lack of course or pass; whoever never passed lacks them."""
    story.given(is_recognised("ines", START), revoked_ines := is_revoked("ines", START))
    story.given(passes_exam("exam-1", "omar", START), revoked_omar := is_revoked("omar", START))
    story.given(completes_course("vera", START))
    story.given(registers("exam-2", "uma", START), scores("exam-2", 1, "90", START))
    story.when(revoked_uma := is_revoked("uma", COURSE), completes_course("uma", EXAM))
    story.then_because("ines", "R37", revoked_ines, at=LATER)
    story.then_because("omar", "R37", revoked_omar, at=LATER)
    story.then_because("vera", "R4", at=LATER)
    story.then_because("uma", "R4", at=START)
    story.then_because("uma", "R37", revoked_uma, at=LATER)


@rule("R37", "R33")
def test_a_voided_revocation_is_no_reason(story: Story) -> None:
    """Given a pass without its course, when its revocation is voided, then the course is what is missing."""
    story.given(registers("exam-1", "ines", START), scores("exam-1", 1, "90", START))
    story.given(revoked := is_revoked("ines", COURSE))
    story.then_because("ines", "R37", revoked, at=COURSE)
    story.when(is_void(revoked, EXAM))
    story.then_because("ines", "R4", at=COURSE)


@rule("R37", "R7")
def test_the_other_attempt_of_a_revoked_pass_restores_nothing(story: Story) -> None:
    """Given a revoked pass, when attempt 2 of the same registration passes, then it changes nothing."""
    story.given(passes_exam("exam-1", "ines", START), is_revoked("ines", COURSE))
    story.when(scores("exam-1", 2, "100", EXAM))
    story.then_person("ines", at=LATER, certified=False)
