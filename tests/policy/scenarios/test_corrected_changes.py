"""R38: the terms of a portal change, corrected."""

from datetime import date, timedelta

from tests.policy.scenarios.rules import rule
from tests.policy.scenarios.story import Expected, Story
from tests.policy.scenarios.vocabulary import (
    S200P,
    S200S,
    certified,
    closes,
    enrolled,
    is_recognised,
    is_void,
    maintains,
    merges,
    portal_change_is_corrected,
    portal_changes,
    utc,
)

START = utc("2023-01-09 09:00")
ANNOUNCED = utc("2023-04-03 09:00")
DUE_ON, LATER, LATEST = date(2023, 6, 30), date(2023, 7, 31), date(2023, 8, 31)
LAPSE, LATER_LAPSE, LATEST_LAPSE = (utc(f"2023-{day} 23:00") for day in ("06-30", "07-31", "08-31"))
"""The ends of these days in London, which is on summer time."""
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


def team(story: Story, *people: str) -> None:
    story.given(enrolled("acorn", START), certified(*people, partner="acorn", at=START))


@rule("R38", "R25", "R26", through_http=True)
def test_a_later_due_day_is_given_in_time_and_what_was_finished_counts_on(story: Story) -> None:
    """Given maintenance that one of two finished, when the due day is moved, then the other has until the new one; the
    answer as known before the correction stays."""
    team(story, "ines", "omar")
    story.given(portal_changes("login", ANNOUNCED, DUE_ON), maintains("ines", "login", ANNOUNCED + DAY))
    corrected = ANNOUNCED + 20 * DAY
    story.when(portal_change_is_corrected("login", corrected, due_on=LATER))
    story.then("acorn", at=LAPSE, status="compliant", windows=[])
    story.then("acorn", at=LAPSE, known_at=corrected - MICROSECOND, status="in_window", counted=["ines"])
    story.then("acorn", at=LATER_LAPSE, counted=["ines"], windows=[Expected(LATER_LAPSE, "open")])


@rule("R38", "R31", "R14", through_http=True)
def test_a_due_day_corrected_after_the_lapse_means_that_nothing_lapsed(story: Story) -> None:
    """It acts on all time, from its recording: the window that had opened never was."""
    team(story, "ines", "omar")
    story.given(portal_changes("login", ANNOUNCED, DUE_ON))
    story.then("acorn", at=LAPSE, status="in_window", shortfall=2)
    story.when(portal_change_is_corrected("login", LAPSE + 3 * DAY, due_on=LATER))
    story.then("acorn", at=LAPSE, status="compliant", windows=[])
    story.then("acorn", at=LAPSE, known_at=LAPSE + DAY, status="in_window", shortfall=2)
    story.then("acorn", at=LATER_LAPSE, status="in_window", shortfall=2)


@rule("R38")
def test_an_earlier_due_day_lapses_earlier(story: Story) -> None:
    team(story, "ines", "omar")
    story.given(portal_changes("login", ANNOUNCED, LATER))
    story.when(change := portal_change_is_corrected("login", ANNOUNCED + DAY, due_on=DUE_ON))
    story.then_person("ines", at=LAPSE - MICROSECOND, certified=True, next_change_at=LAPSE)
    story.then("acorn", at=LAPSE, status="in_window", shortfall=2)
    assert change.effective_at < LAPSE


@rule("R38", "R25", through_http=True)
def test_significant_corrected_to_minor_and_back(story: Story) -> None:
    """Given a lapse, when the change turns out to be minor, then nobody was obliged or told; when that was wrong, too,
    the lapse is there again, and both corrections made it due."""
    team(story, "ines", "omar")
    story.given(declared := portal_changes("login", ANNOUNCED, DUE_ON, significant=False))
    back = portal_change_is_corrected("login", LAPSE - DAY, significant=True)
    story.when(back)
    story.then("acorn", at=LAPSE, status="in_window", shortfall=2)
    story.then_because("ines", "R26", declared, back, at=LAPSE)
    story.when(portal_change_is_corrected("login", LAPSE + DAY, significant=False))
    story.then("acorn", at=LAPSE, status="compliant", windows=[])
    story.then_notified("login", at=LAPSE)
    story.when(last := portal_change_is_corrected("login", LAPSE + 2 * DAY, significant=True))
    story.then("acorn", at=LAPSE, status="in_window", shortfall=2)
    story.then_because("ines", "R26", declared, last, at=LAPSE)
    story.then_notified("login", "acorn", at=LAPSE)
    story.then_notified("login", at=LAPSE, known_at=LAPSE + DAY)


@rule("R38", "R2")
def test_products_are_added_and_taken_out(story: Story) -> None:
    """Given people certified for both, when the change was about Standard and not Professional, then only that lapses;
    a product that stays named keeps its reason."""
    team(story, "ines", "omar")
    story.given(is_recognised("ines", START, S200S), is_recognised("omar", START, S200S))
    story.given(declared := portal_changes("storage", ANNOUNCED, DUE_ON, products=(S200P,)))
    story.when(both := portal_change_is_corrected("storage", ANNOUNCED + DAY, products=(S200P, S200S)))
    story.then_because("ines", "R26", declared, at=LAPSE)
    story.then_because("ines", "R26", declared, both, at=LAPSE, product=S200S)
    story.when(other := portal_change_is_corrected("storage", LAPSE + DAY, products=(S200S,)))
    story.then("acorn", product=S200P, at=LAPSE, status="compliant", windows=[])
    story.then("acorn", product=S200S, at=LAPSE, status="in_window", counted=[])
    story.then_because("ines", "R26", declared, other, at=LAPSE, product=S200S)


@rule("R38", "R33", through_http=True)
def test_the_last_correction_recorded_of_a_term_wins_and_can_be_voided(story: Story) -> None:
    """Given three corrections of the due day and one of another term between them, when the last is voided, the second
    holds again, and the other stands."""
    team(story, "ines", "omar")
    story.given(portal_changes("login", ANNOUNCED, DUE_ON, products=(S200S,)))
    story.given(earliest := portal_change_is_corrected("login", ANNOUNCED + DAY, due_on=LATEST + 30 * DAY))
    story.given(second := portal_change_is_corrected("login", ANNOUNCED + DAY, due_on=LATER))
    story.given(portal_change_is_corrected("login", ANNOUNCED + 2 * DAY, products=(S200P,)))
    story.given(last := portal_change_is_corrected("login", ANNOUNCED + 3 * DAY, due_on=LATEST))
    story.then("acorn", at=LATER_LAPSE, status="compliant")
    story.then("acorn", at=LATEST_LAPSE, status="in_window")
    story.when(is_void(last, LATEST_LAPSE + DAY))
    story.then("acorn", at=LATER_LAPSE, status="in_window", shortfall=2)
    story.then("acorn", at=LATER_LAPSE, known_at=LATEST_LAPSE, status="compliant")
    story.when(is_void(second, LATEST_LAPSE + 2 * DAY), is_void(earliest, LATEST_LAPSE + 2 * DAY))
    story.then("acorn", at=LAPSE, status="in_window", shortfall=2)


@rule("R38", "R30")
def test_the_last_recorded_wins_whichever_instant_it_is_dated(story: Story) -> None:
    team(story, "ines", "omar")
    story.given(portal_changes("login", ANNOUNCED, DUE_ON))
    story.given(portal_change_is_corrected("login", ANNOUNCED + 9 * DAY, due_on=LATEST))
    late = ANNOUNCED + 10 * DAY
    story.when(portal_change_is_corrected("login", ANNOUNCED + DAY, due_on=LATER, recorded_at=late))
    story.then("acorn", at=LATER_LAPSE - MICROSECOND, status="compliant")
    story.then("acorn", at=LATER_LAPSE, status="in_window")


@rule("R38", "R35", through_http=True)
def test_a_correction_waits_for_its_change(story: Story) -> None:
    """Given a correction that came first, when the change is recorded, then it is as corrected."""
    team(story, "ines", "omar")
    story.given(portal_change_is_corrected("login", ANNOUNCED - DAY, due_on=LATER, significant=True))
    story.then_notified("login", at=ANNOUNCED)
    story.when(portal_changes("login", ANNOUNCED, DUE_ON, significant=False))
    story.then("acorn", at=LAPSE, status="compliant")
    story.then("acorn", at=LATER_LAPSE, status="in_window", shortfall=2)
    story.then_notified("login", "acorn", at=ANNOUNCED)


@rule("R38", "R35", through_http=True)
def test_a_correction_that_waited_for_a_change_announced_after_its_due_day_says_nothing(story: Story) -> None:
    """As if it had come after the change, where it is refused; its other terms say nothing, either."""
    team(story, "ines", "omar")
    day_before = date(2023, 4, 2)
    story.given(portal_change_is_corrected("login", ANNOUNCED - DAY, due_on=day_before, products=(S200S,)))
    story.when(portal_changes("login", ANNOUNCED, DUE_ON))
    story.then("acorn", at=LAPSE - MICROSECOND, status="compliant")
    story.then("acorn", at=LAPSE, status="in_window", shortfall=2)


@rule("R38", "R33", through_http=True)
def test_a_change_that_is_recorded_again_is_as_corrected(story: Story) -> None:
    """A correction hangs on the id: it stands when the declaration is voided, and applies to the next one."""
    team(story, "ines", "omar")
    story.given(declared := portal_changes("login", ANNOUNCED, DUE_ON))
    story.given(correction := portal_change_is_corrected("login", ANNOUNCED + DAY, due_on=LATER))
    story.when(is_void(declared, ANNOUNCED + 2 * DAY))
    story.then("acorn", at=LATER_LAPSE, status="compliant")
    story.when(portal_changes("login", ANNOUNCED, DUE_ON, recorded_at=ANNOUNCED + 3 * DAY))
    story.then("acorn", at=LATER_LAPSE - MICROSECOND, status="compliant")
    story.then("acorn", at=LATER_LAPSE, status="in_window")
    story.when(is_void(correction, ANNOUNCED + 4 * DAY))
    story.then("acorn", at=LAPSE, status="in_window")


@rule("R38", through_http=True)
def test_a_corrected_due_day_is_before_neither_announcement_nor_correction(story: Story) -> None:
    """London days: at 23:30 UTC in summer it is the next one there."""
    story.given(portal_changes("login", ANNOUNCED, DUE_ON))
    late = utc("2023-05-10 23:30")
    story.refuses(portal_change_is_corrected("login", late, due_on=date(2023, 5, 10)), "R38")
    story.when(portal_change_is_corrected("login", late, due_on=date(2023, 5, 11)))
    announced_later = utc("2023-09-01 09:00")
    story.given(portal_changes("ahead", announced_later, date(2023, 9, 30), recorded_at=late))
    story.refuses(portal_change_is_corrected("ahead", late, due_on=date(2023, 8, 31)), "R38")
    story.when(portal_change_is_corrected("ahead", late, due_on=date(2023, 9, 1)))


@rule("R38", "R36", through_http=True)
def test_a_correction_is_not_dated_in_the_future_and_says_something(story: Story) -> None:
    story.given(portal_changes("login", ANNOUNCED, DUE_ON))
    ahead = portal_change_is_corrected("login", ANNOUNCED + DAY, due_on=LATER, recorded_at=ANNOUNCED)
    story.refuses(ahead, "R36")
    story.refuses(portal_change_is_corrected("login", ANNOUNCED), "R38")


@rule("R38", "R29", "R27")
def test_merged_and_closed_partners_are_as_at_the_announcement(story: Story) -> None:
    """Given a partner that was closed and one merged away after the announcement, when the change is corrected, then
    they were told of it; the people at the survivor are obliged."""
    team(story, "ines", "omar")
    story.given(enrolled("birch", START), certified("lea", partner="birch", at=START), enrolled("cedar", START))
    story.given(portal_changes("login", ANNOUNCED, DUE_ON, significant=False))
    story.given(merges("birch", "acorn", ANNOUNCED + DAY), closes("cedar", ANNOUNCED + DAY))
    story.when(portal_change_is_corrected("login", ANNOUNCED + 2 * DAY, significant=True, due_on=LATER))
    story.then_notified("login", "acorn", "birch", "cedar", at=ANNOUNCED)
    story.then("acorn", at=LATER_LAPSE - MICROSECOND, counted=["ines", "lea", "omar"])
    story.then("acorn", at=LATER_LAPSE, counted=[])


@rule("R38")
def test_many_corrections_leave_the_last(story: Story) -> None:
    team(story, "ines", "omar")
    story.given(portal_changes("login", ANNOUNCED, DUE_ON))
    story.when(
        *(portal_change_is_corrected("login", ANNOUNCED + n * DAY, due_on=LATER + n * DAY) for n in range(1, 30))
    )
    story.then("acorn", at=LATER_LAPSE + 29 * DAY - MICROSECOND, status="compliant")
    story.then("acorn", at=LATER_LAPSE + 29 * DAY, status="in_window", shortfall=2)
