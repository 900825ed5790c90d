"""R25-R27: significant portal changes and the maintenance that they demand."""

from datetime import date, timedelta

from tests.policy.scenarios.rules import rule
from tests.policy.scenarios.story import Expected, Story
from tests.policy.scenarios.vocabulary import (
    S200P,
    S200S,
    certified,
    completes_course,
    enrolled,
    is_corrected,
    is_recognised,
    is_revoked,
    is_void,
    leaves_programme,
    maintains,
    portal_changes,
    registers,
    scores,
    utc,
)

START = utc("2023-01-09 09:00")
ANNOUNCED = utc("2023-04-03 09:00")
DUE_ON = date(2023, 6, 30)
LAPSE = utc("2023-06-30 23:00")
"""The end of 30 June in London, which is on summer time."""
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


def team(story: Story, *people: str) -> None:
    story.given(enrolled("acorn", START), certified(*people, partner="acorn", at=START))


@rule("R25", "R26", "R14", through_http=True)
def test_unfinished_maintenance_lapses_at_the_end_of_the_due_day(story: Story) -> None:
    """Given a significant change, when one of two does all of it and the other only the training, then the other's
    certification lapses when the London day ends, and a window opens then."""
    team(story, "ines", "omar")
    story.when(portal_changes("login", ANNOUNCED, DUE_ON))
    story.when(maintains("ines", "login", ANNOUNCED + DAY))
    story.when(completes_course("omar", ANNOUNCED + DAY, change="login"))
    story.then("acorn", at=LAPSE - MICROSECOND, status="compliant", counted=["ines", "omar"], windows=[])
    story.then("acorn", at=LAPSE, status="in_window", counted=["ines"], windows=[Expected(LAPSE, "open")])
    story.then_person("omar", at=LAPSE, certified=False, portal_user=False)


@rule("R26", "R17", "R16")
def test_finishing_at_that_very_midnight_is_in_time(story: Story) -> None:
    """Given a lapse and its remedy at one instant, then they apply together and nothing was missing."""
    team(story, "ines", "omar")
    story.when(portal_changes("login", ANNOUNCED, DUE_ON))
    story.when(maintains("ines", "login", ANNOUNCED + DAY), maintains("omar", "login", LAPSE))
    story.then("acorn", at=LAPSE, status="compliant", windows=[])


@rule("R26", "R18", through_http=True)
def test_finishing_later_restores_the_certification_from_then(story: Story) -> None:
    team(story, "ines", "omar")
    done = LAPSE + 12 * DAY
    story.when(portal_changes("login", ANNOUNCED, DUE_ON), maintains("ines", "login", ANNOUNCED + DAY))
    story.when(maintains("omar", "login", done))
    story.then("acorn", at=done, status="compliant", windows=[Expected(LAPSE, "closed", done)])
    story.then_person("omar", at=done - MICROSECOND, certified=False)
    story.then_person("omar", at=done, certified=True)


@rule("R26", "R37", through_http=True)
def test_who_was_revoked_after_a_lapse_is_not_restored_by_maintenance_and_told_so(story: Story) -> None:
    """Given a lapse and then a revocation, when maintenance is finished, then the reason is the revocation; it was the
    maintenance only until then."""
    team(story, "ines")
    told, done = LAPSE + 10 * DAY, LAPSE + 20 * DAY
    story.given(change := portal_changes("login", ANNOUNCED, DUE_ON), revoked := is_revoked("ines", told))
    story.when(maintains("ines", "login", done))
    story.then_because("ines", "R26", change, at=told - MICROSECOND)
    story.then_person("ines", at=LAPSE, next_change_at=told)
    story.then_because("ines", "R37", revoked, at=told)
    story.then_because("ines", "R37", revoked, at=done)


@rule("R26", "R25")
def test_every_maintenance_that_is_missing_is_a_reason(story: Story) -> None:
    """Given two changes of one day, when one is attended to, then the other alone keeps the certification away."""
    team(story, "ines")
    login, colours = portal_changes("login", ANNOUNCED, DUE_ON), portal_changes("colours", ANNOUNCED, DUE_ON)
    story.when(login, colours, maintains("ines", "login", LAPSE + DAY))
    story.then_because("ines", "R26", colours, login, at=LAPSE)
    story.then_because("ines", "R26", colours, at=LAPSE + DAY)


@rule("R26", "R32")
def test_a_pass_that_a_correction_gave_after_the_due_day_lacks_the_maintenance(story: Story) -> None:
    """Given a fail before the announcement that was a pass only between two corrections after the due day, then what
    it lacked meanwhile is the maintenance, and afterwards the pass."""
    story.given(completes_course("ines", START), registers("exam-1", "ines", START), scores("exam-1", 1, "78", START))
    story.given(change := portal_changes("login", ANNOUNCED, DUE_ON))
    story.when(is_corrected("exam-1", 1, "82", LAPSE + DAY), failed := is_corrected("exam-1", 1, "78", LAPSE + 2 * DAY))
    story.then_because("ines", "R4", at=LAPSE)
    story.then_because("ines", "R26", change, at=LAPSE + DAY)
    story.then_because("ines", "R32", failed, at=LAPSE + 2 * DAY)


@rule("R25")
def test_a_minor_change_obliges_nobody(story: Story) -> None:
    team(story, "ines", "omar")
    story.when(portal_changes("colours", ANNOUNCED, DUE_ON, significant=False))
    story.then("acorn", at=LAPSE, status="compliant", windows=[])
    story.then_notified("colours", at=LAPSE)


@rule("R25", "R2")
def test_a_change_concerns_the_products_it_names(story: Story) -> None:
    """Given people certified for both, when a change names Standard, then Professional goes on untouched; doing
    it for the wrong product does not help."""
    team(story, "ines", "omar")
    story.given(is_recognised("ines", START, S200S), is_recognised("omar", START, S200S))
    story.when(portal_changes("storage", ANNOUNCED, DUE_ON, products=(S200S,)))
    story.when(maintains("ines", "storage", ANNOUNCED + DAY, S200P))
    story.then("acorn", product=S200P, at=LAPSE, status="compliant")
    story.then("acorn", product=S200S, at=LAPSE, status="in_window", counted=[])


@rule("R25")
def test_who_is_certified_at_the_announcement_or_later_is_free(story: Story) -> None:
    """Given grants a microsecond before, at and after the announcement, then only the first is bound."""
    story.given(enrolled("acorn", START), certified("ines", partner="acorn", at=ANNOUNCED - MICROSECOND))
    story.when(portal_changes("login", ANNOUNCED, DUE_ON))
    story.when(certified("omar", partner="acorn", at=ANNOUNCED), certified("lea", partner="acorn", at=ANNOUNCED + DAY))
    story.then("acorn", at=LAPSE, counted=["lea", "omar"])


@rule("R25", "R4")
def test_a_course_finished_after_the_announcement_makes_a_free_grant(story: Story) -> None:
    """Given a pass before the announcement, when the course is completed after it, then the grant is new."""
    story.given(registers("exam-1", "ines", START), scores("exam-1", 1, "85", START))
    story.when(portal_changes("login", ANNOUNCED, DUE_ON), completes_course("ines", ANNOUNCED + DAY))
    story.then_person("ines", at=LAPSE, certified=True)


@rule("R25", "R37")
def test_a_new_ordinary_pass_frees_of_the_duty(story: Story) -> None:
    """Given an obliged person, when they pass the ordinary exam after the announcement, then nothing lapses."""
    team(story, "ines", "omar")
    story.given(completes_course("ines", START))
    story.when(portal_changes("login", ANNOUNCED, DUE_ON), registers("exam-1", "ines", ANNOUNCED))
    story.when(maintains("omar", "login", ANNOUNCED + DAY), scores("exam-1", 1, "80", ANNOUNCED + DAY))
    story.then("acorn", at=LAPSE, status="compliant", counted=["ines", "omar"])


@rule("R25", "R5", "R8")
def test_an_assessment_has_two_attempts_and_can_be_registered_again(story: Story) -> None:
    team(story, "ines")
    story.when(portal_changes("login", ANNOUNCED, DUE_ON), completes_course("ines", ANNOUNCED, change="login"))
    story.when(registers("upkeep-1", "ines", ANNOUNCED, change="login"))
    story.when(scores("upkeep-1", 1, "79.99", ANNOUNCED + DAY), scores("upkeep-1", 2, "40", ANNOUNCED + 2 * DAY))
    story.then_registration("upkeep-1", at=LAPSE, state="exhausted", attempts_left=0)
    story.then_person("ines", at=LAPSE, certified=False)
    story.when(registers("upkeep-2", "ines", LAPSE, change="login"), scores("upkeep-2", 1, "80", LAPSE + DAY))
    story.then_person("ines", at=LAPSE + DAY, certified=True)


@rule("R25", "R32")
def test_a_corrected_assessment_undoes_maintenance(story: Story) -> None:
    """Given maintenance in time, when its score turns out to have failed, then the lapse is as of the correction."""
    team(story, "ines")
    corrected = LAPSE + 10 * DAY
    story.given(portal_changes("login", ANNOUNCED, DUE_ON), completes_course("ines", ANNOUNCED, change="login"))
    story.given(registers("upkeep", "ines", ANNOUNCED, change="login"), scores("upkeep", 1, "81", ANNOUNCED + DAY))
    story.when(is_corrected("upkeep", 1, "71", corrected))
    story.then_person("ines", at=corrected - MICROSECOND, certified=True)
    story.then_person("ines", at=corrected, certified=False)


@rule("R25", "R26")
def test_maintenance_is_no_exam(story: Story) -> None:
    """Given somebody who was never certified, when they do the maintenance, then they are not certified by it."""
    story.given(portal_changes("login", ANNOUNCED, DUE_ON))
    story.when(maintains("ines", "login", ANNOUNCED + DAY))
    story.then_person("ines", at=LAPSE, certified=False)


@rule("R27", "R31", through_http=True)
def test_a_significant_change_is_told_to_every_enrolled_partner(story: Story) -> None:
    """Given one partner enrolled, one that had left and one that only joins later, then the first is told; when it
    turns out that another had been enrolled too, the answer known since says so, and the old one stays."""
    story.given(enrolled("acorn", START), enrolled("birch", START), leaves_programme("birch", START + DAY))
    story.when(portal_changes("login", ANNOUNCED, DUE_ON), enrolled("cedar", ANNOUNCED + DAY))
    story.then_notified("login", "acorn", at=LAPSE)
    story.then_notified("login", at=ANNOUNCED - MICROSECOND)
    learned = ANNOUNCED + 20 * DAY
    story.when(enrolled("doum", START, recorded_at=learned))
    story.then_notified("login", "acorn", "doum", at=LAPSE)
    story.then_notified("login", "acorn", at=LAPSE, known_at=learned - MICROSECOND)


@rule("R27", "R17")
def test_who_enrols_at_the_announcement_is_told(story: Story) -> None:
    story.given(portal_changes("login", ANNOUNCED, DUE_ON), enrolled("acorn", ANNOUNCED))
    story.then_notified("login", "acorn", at=ANNOUNCED)


@rule("R33", "R25")
def test_a_voided_announcement_obliges_nobody(story: Story) -> None:
    team(story, "ines", "omar")
    story.given(announcement := portal_changes("login", ANNOUNCED, DUE_ON))
    story.then("acorn", at=LAPSE, status="in_window", shortfall=2)
    story.when(is_void(announcement, LAPSE + DAY))
    story.then("acorn", at=LAPSE, status="compliant", windows=[])
    story.then_notified("login", at=LAPSE)
