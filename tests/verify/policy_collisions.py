"""Histories in which revisions of the policy meet everything else at one instant, each by its name."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final

from tests.oracle.histories import History
from tests.oracle.revisions import DAY, MICROSECOND, deadline
from tests.verify.collision_story import START, Story

LOSS: Final = START + 30 * DAY
DEADLINE: Final = deadline(LOSS)
MORE: Final = {"VAR": 3}
FEWER: Final = {"VAR": 1}

COLLISIONS: Final[dict[str, Callable[[Story], None]]] = {}


def collision(write: Callable[[Story], None]) -> Callable[[Story], None]:
    """Adds a history under the name of the function that writes it."""
    COLLISIONS[write.__name__.replace("_", " ")] = write
    return write


def written(name: str) -> History:
    """The history of this name, in log order."""
    story = Story()
    COLLISIONS[name](story)
    return sorted(story.facts, key=lambda fact: fact.recorded_at)


# Revisions that are announced, and taken back --------------------------------------------------------------


@collision
def a_higher_minimum_announced_before_comes_at_the_instant_of_a_loss(story: Story) -> None:
    story.team("A", "B", "C")
    story.revise(LOSS, "more", minimum=MORE, days=10, told=START + DAY)
    story.leave(LOSS, "C")


@collision
def an_announced_revision_is_void_before_it_comes(story: Story) -> None:
    story.team("A", "B")
    revision = story.revise(LOSS, "more", minimum=MORE, told=START + DAY)
    story.void(LOSS - MICROSECOND, revision)
    story.leave(LOSS, "B")


@collision
def an_announced_revision_is_void_at_the_very_instant_when_it_comes(story: Story) -> None:
    story.team("A", "B")
    revision = story.revise(LOSS, "more", minimum=MORE, days=1, told=START + DAY)
    story.void(LOSS, revision)
    story.leave(LOSS, "B")


@collision
def a_higher_minimum_is_void_after_it_has_suspended(story: Story) -> None:
    story.team("A", "B")
    revision = story.revise(LOSS, "more", minimum=MORE, days=5)
    story.void(deadline(LOSS, 5) + DAY, revision)
    story.leave(deadline(LOSS, 5) + 2 * DAY, "B")


@collision
def a_void_revision_is_recorded_again_under_its_id_with_other_terms(story: Story) -> None:
    story.team("A", "B")
    revision = story.revise(LOSS, "again", minimum=MORE, days=5)
    story.void(LOSS + 3 * DAY, revision)
    story.revise(LOSS + 4 * DAY, "again", days=45, told=LOSS + 3 * DAY)
    story.leave(LOSS + 4 * DAY, "B")


@collision
def longer_windows_are_void_while_one_runs_beyond_the_thirtieth_day(story: Story) -> None:
    story.team("A", "B")
    revision = story.revise(START + DAY, "longer", days=60)
    story.leave(LOSS, "B")
    story.void(DEADLINE + DAY, revision)
    story.link(DEADLINE + 2 * DAY, "C")
    story.recognise(DEADLINE + 2 * DAY, "C")


# Several of one instant ------------------------------------------------------------------------------------


@collision
def of_three_revisions_of_one_instant_the_last_recorded_gives_the_days(story: Story) -> None:
    story.team("A", "B")
    for policy, days in (("long", 40), ("short", 3), ("middle", 20)):
        story.revise(LOSS, policy, days=days, told=START + DAY)
    story.leave(LOSS, "B")


@collision
def two_revisions_of_one_instant_name_different_terms(story: Story) -> None:
    story.team("A", "B", "C")
    story.revise(LOSS, "days", days=7, told=START + DAY)
    story.revise(LOSS, "minimum", minimum=MORE, told=START + 2 * DAY)
    story.leave(LOSS, "C")


@collision
def the_last_of_one_instant_is_void_and_the_one_before_holds_again(story: Story) -> None:
    story.team("A", "B")
    story.revise(LOSS, "first", days=7, minimum={"VAR": 2})
    last = story.revise(LOSS, "last", days=21, minimum=MORE)
    story.leave(LOSS, "B")
    story.void(deadline(LOSS, 7) - MICROSECOND, last)


@collision
def a_revision_recorded_late_on_its_day_overrules_one_announced_for_the_same_instant(story: Story) -> None:
    story.team("A", "B", "C")
    story.revise(LOSS, "announced", minimum=MORE, days=4, told=START)
    story.leave(LOSS, "C")
    story.revise(LOSS, "at-once", minimum={"VAR": 2})


@collision
def a_revision_of_nothing_new_between_two_windows(story: Story) -> None:
    story.team("A", "B")
    story.leave(LOSS, "B")
    story.revise(LOSS + DAY, "same", days=30, minimum={"VAR": 2, "DEVELOPER": 1})
    story.leave(LOSS + DAY, "A")


# Minimums up and down, with open windows -----------------------------------------------------------------------


@collision
def a_higher_minimum_opens_one_more_window_with_days_of_its_own(story: Story) -> None:
    story.team("A", "B")
    story.leave(LOSS, "B")
    story.revise(LOSS + DAY, "more", minimum=MORE, days=3)
    story.link(LOSS + 2 * DAY, "B")


@collision
def a_lower_minimum_fills_the_oldest_of_three_windows_and_a_higher_one_opens_another(story: Story) -> None:
    story.revise(START, "four", minimum={"VAR": 4})
    story.team("A", "B", "C", "D")
    for day, person in enumerate("BCD"):
        story.leave(LOSS + day * DAY, person)
    story.revise(LOSS + 5 * DAY, "three", minimum=MORE)
    story.revise(LOSS + 6 * DAY, "four-again", minimum={"VAR": 4}, days=2)
    story.revise(LOSS + 7 * DAY, "one", minimum=FEWER)


@collision
def a_higher_minimum_comes_at_the_deadline_of_an_open_window(story: Story) -> None:
    story.team("A", "B")
    story.revise(DEADLINE, "more", minimum=MORE, days=1, told=LOSS)
    story.leave(LOSS, "B")
    story.link(DEADLINE, "B")


@collision
def a_lower_minimum_comes_at_the_deadline_and_is_late(story: Story) -> None:
    story.team("A", "B")
    story.revise(DEADLINE, "fewer", minimum=FEWER, told=LOSS)
    story.leave(LOSS, "B")
    story.revise(DEADLINE + DAY, "two", minimum={"VAR": 2})


@collision
def a_lower_minimum_comes_a_microsecond_before_the_deadline(story: Story) -> None:
    story.team("A", "B")
    story.leave(LOSS, "B")
    story.revise(DEADLINE - MICROSECOND, "fewer", minimum=FEWER)
    story.revise(DEADLINE, "two", minimum={"VAR": 2})


@collision
def a_lower_minimum_is_reached_by_nobody_s_doing(story: Story) -> None:
    story.team("A")
    story.revise(LOSS, "fewer", minimum=FEWER)
    story.leave(LOSS + DAY, "A")


@collision
def a_higher_minimum_comes_before_the_duty_has_begun_and_then_the_lower_one(story: Story) -> None:
    story.team("A", "B")
    story.revise(START, "five", minimum={"VAR": 5})
    story.revise(LOSS, "two", minimum={"VAR": 2})
    story.leave(LOSS, "B")


@collision
def the_kind_changes_at_the_instant_when_its_minimum_does(story: Story) -> None:
    story.team("A", "B", kind="DEVELOPER")
    story.revise(LOSS, "developers", minimum={"DEVELOPER": 3}, told=START + DAY)
    story.kind(LOSS, "VAR")
    story.kind(LOSS + DAY, "DEVELOPER")


@collision
def minimums_of_both_kinds_cross_at_one_instant(story: Story) -> None:
    story.team("A", "B")
    story.team("A2", partner="P2", kind="DEVELOPER")
    story.revise(LOSS, "crossed", minimum={"VAR": 1, "DEVELOPER": 2}, days=2)
    story.kind(LOSS + DAY, "VAR", "P2")
    story.leave(LOSS + DAY, "B")
    story.revise(LOSS + 2 * DAY, "back", minimum={"VAR": 2, "DEVELOPER": 1})


@collision
def a_swap_at_the_instant_of_a_higher_minimum(story: Story) -> None:
    story.team("A", "B")
    story.recognise(START, "C")
    story.revise(LOSS, "more", minimum=MORE, told=START + DAY)
    story.leave(LOSS, "B")
    story.link(LOSS, "C")
    story.link(LOSS, "B")


@collision
def a_higher_minimum_counts_for_each_product_by_itself(story: Story) -> None:
    story.team("A", "B", "C")
    for person in "AB":
        story.recognise(START, person, "S200S")
    story.revise(LOSS, "more", minimum=MORE, days=6)
    story.recognise(LOSS + DAY, "C", "S200S")
    story.revoke(LOSS + 2 * DAY, "A", "S200P")


# Days, clocks and reminders -------------------------------------------------------------------------------------


@collision
def windows_of_one_day_over_both_changes_of_the_clock(story: Story) -> None:
    story.team("A", "B", "C")
    story.revise(START + DAY, "one-day", days=1)
    spring, autumn = datetime(2023, 3, 25, 23, 59, 59, 999999, UTC), datetime(2023, 10, 28, 23, tzinfo=UTC)
    story.leave(spring, "C")
    story.leave(spring, "B")
    story.link(deadline(spring, 1), "B")
    story.leave(autumn, "B")
    story.revise(deadline(autumn, 1), "a-year", days=366)
    story.leave(deadline(autumn, 1), "A")


@collision
def reminders_change_while_windows_run(story: Story) -> None:
    story.team("A", "B")
    story.leave(LOSS, "B")
    story.revise(LOSS + DAY, "none", reminders=())
    story.leave(LOSS + DAY, "A")
    story.revise(LOSS + 2 * DAY, "many", reminders=(1, 2, 29, 30, 31), minimum=MORE)
    story.revise(LOSS + 3 * DAY, "short", days=1, minimum={"VAR": 4})


@collision
def a_loss_recorded_after_a_revision_was_before_it(story: Story) -> None:
    story.team("A", "B")
    story.revise(LOSS, "short", days=2, minimum={"VAR": 2})
    loss = story.leave(LOSS - MICROSECOND, "B", told=LOSS + 10 * DAY)
    story.leave(LOSS, "A", told=LOSS + 11 * DAY)
    story.void(LOSS + 12 * DAY, loss)


# Programmes -----------------------------------------------------------------------------------------------------


@collision
def a_programme_stops_being_eligible_at_a_deadline_and_is_again_later(story: Story) -> None:
    story.team("A", "B")
    story.leave(LOSS, "B")
    story.revise(DEADLINE, "plus-only", programmes=("PARTNER_SUCCESS_PLUS",), told=LOSS)
    story.revise(DEADLINE + DAY, "both", programmes=("PARTNER_SUCCESS", "PARTNER_SUCCESS_PLUS"))
    story.link(DEADLINE + DAY, "B")


@collision
def a_partner_changes_its_programme_when_the_old_one_stops_being_eligible(story: Story) -> None:
    story.team("A", "B")
    story.leave(LOSS - DAY, "B")
    story.revise(LOSS, "plus-only", programmes=("PARTNER_SUCCESS_PLUS",), told=START + DAY)
    story.programme(LOSS, "PARTNER_SUCCESS_PLUS")


@collision
def a_new_programme_is_eligible_at_the_instant_of_an_announcement(story: Story) -> None:
    story.team("A", "B", programme="GOLD")
    story.team("C", partner="P2")
    story.revise(LOSS, "gold", programmes=("GOLD",), told=START + DAY)
    announcement = story.announce(LOSS, date(2023, 3, 1))
    story.void(LOSS + DAY, announcement)
    story.announce(LOSS + DAY, date(2023, 3, 1))


@collision
def no_revision_brings_back_a_partner_that_was_closed_or_merged_away(story: Story) -> None:
    story.team("A", "B")
    story.team("C", partner="P2")
    story.revise(LOSS, "none-of-ours", programmes=("GOLD",))
    story.merge(LOSS, "P2", "P1")
    story.revise(LOSS + DAY, "ours", programmes=("PARTNER_SUCCESS",), minimum=MORE)
    story.close(LOSS + 2 * DAY)
    story.revise(LOSS + 2 * DAY, "one", minimum=FEWER)


@collision
def a_merger_fills_what_a_higher_minimum_of_its_instant_would_open(story: Story) -> None:
    story.team("A", "B")
    story.team("C", partner="P2")
    story.revise(LOSS, "more", minimum=MORE, told=START + DAY)
    story.merge(LOSS, "P2", "P1")
    story.leave(LOSS + DAY, "C", "P2")
    story.leave(LOSS + DAY, "C", "P1")


# Portal changes that are corrected under revisions --------------------------------------------------------------


@collision
def a_higher_minimum_comes_at_the_midnight_of_a_lapse_that_a_correction_moves(story: Story) -> None:
    story.team("A", "B", "C")
    due = date(2023, 2, 20)
    lapse = datetime(2023, 2, 21, tzinfo=UTC)
    story.announce(START + 5 * DAY, due)
    story.maintain(START + 6 * DAY, "A")
    story.revise(lapse, "more", minimum=MORE, days=3, told=START + 7 * DAY)
    story.amend(lapse + DAY, date(2023, 3, 31))
    story.maintain(lapse + 2 * DAY, "B")


@collision
def a_change_becomes_minor_after_its_lapse_and_significant_again_when_that_is_void(story: Story) -> None:
    story.team("A", "B")
    lapse = datetime(2023, 2, 21, tzinfo=UTC)
    story.announce(START + 5 * DAY, date(2023, 2, 20))
    story.revise(lapse, "fewer", minimum=FEWER, told=START + 6 * DAY)
    minor = story.amend(lapse + 2 * DAY, significant=False)
    story.revise(lapse + 3 * DAY, "two", minimum={"VAR": 2})
    story.void(lapse + 4 * DAY, minor)


@collision
def products_are_corrected_twice_at_one_instant_and_the_last_is_void(story: Story) -> None:
    story.team("A", "B")
    for person in "AB":
        story.recognise(START, person, "S200S")
    story.announce(START + 5 * DAY, date(2023, 2, 20), "S200P")
    story.amend(START + 6 * DAY, products=("S200S",))
    both = story.amend(START + 6 * DAY, products=("S200P", "S200S"))
    story.revise(START + 6 * DAY, "short", days=2)
    story.void(datetime(2023, 2, 21, tzinfo=UTC), both)


@collision
def a_correction_waits_for_its_change_across_a_revision_of_programmes(story: Story) -> None:
    story.team("A", "B")
    story.amend(START + DAY, date(2023, 2, 25), significant=True)
    story.revise(START + 5 * DAY, "gold", programmes=("GOLD",))
    story.announce(START + 5 * DAY, date(2023, 2, 20), significant=False)
    story.revise(START + 6 * DAY, "ours", programmes=("PARTNER_SUCCESS",))


@collision
def a_corrected_score_ends_a_certification_at_the_instant_of_a_revision(story: Story) -> None:
    story.team("A", "B")
    story.link(START, "C")
    story.passes(START + DAY, "C")
    story.revise(LOSS, "more", minimum=MORE, days=9, told=START + 2 * DAY)
    story.corrects(LOSS, "C", "78")
    story.corrects(LOSS + 3 * DAY, "C", "82")
