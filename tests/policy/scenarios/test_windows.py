"""R13-R21, R28: windows to replace people, suspension and reinstatement."""

from datetime import date, timedelta

from tests.policy.scenarios.rules import rule
from tests.policy.scenarios.story import Expected, Story
from tests.policy.scenarios.vocabulary import (
    DEVELOPER,
    S200P,
    S200S,
    certified,
    closes,
    enrolled,
    is_recognised,
    is_revoked,
    joins,
    joins_programme,
    leaves,
    leaves_programme,
    merges,
    utc,
)

START = utc("2023-01-09 09:00")
LOSS = utc("2023-02-06 17:30")
DEADLINE = utc("2023-03-09 00:00")
"""The London midnight that ends the 30th day after the loss: 8 March."""
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


def team(story: Story, *people: str) -> None:
    story.given(enrolled("acorn", START), certified(*people, partner="acorn", at=START))


@rule("R13", "R15", "R19", "R20", through_http=True)
def test_thirty_days_and_then_no_new_customers(story: Story) -> None:
    """Given two, when one leaves and nobody follows, then a window runs for 30 London days; at its end selling to
    new customers stops, and existing ones can still be maintained."""
    team(story, "ines", "omar")
    story.when(leaves("omar", "acorn", LOSS))
    window = Expected(LOSS, "open", deadline_on=date(2023, 3, 8), deadline_at=DEADLINE)
    story.then("acorn", at=LOSS, status="in_window", sell_new=True, shortfall=1, windows=[window])
    story.then("acorn", at=DEADLINE - MICROSECOND, status="in_window", sell_new=True, suspensions=[])
    story.then(
        "acorn",
        at=DEADLINE,
        status="suspended",
        sell_new=False,
        maintain_existing=True,
        windows=[Expected(LOSS, "expired")],
        suspensions=[(DEADLINE, None)],
    )


@rule("R13")
def test_a_loss_above_the_minimum_opens_nothing(story: Story) -> None:
    """Given three, then the first departure opens nothing and the second one window."""
    team(story, "ines", "omar", "lea")
    story.when(leaves("omar", "acorn", LOSS), leaves("lea", "acorn", LOSS + DAY))
    story.then("acorn", at=LOSS, status="compliant", windows=[])
    story.then("acorn", at=LOSS + DAY, windows=[Expected(LOSS + DAY, "open")])


@rule("R13", "R2")
def test_each_missing_consultant_has_a_window(story: Story) -> None:
    """Given two certified for both products, when both leave at once, then each product has two windows."""
    team(story, "ines", "omar")
    story.given(is_recognised("ines", START, S200S), is_recognised("omar", START, S200S))
    story.when(leaves("ines", "acorn", LOSS), leaves("omar", "acorn", LOSS))
    for product in (S200P, S200S):
        story.then("acorn", product=product, at=LOSS, shortfall=2, windows=[Expected(LOSS, "open")] * 2)


@rule("R2", "R19")
def test_suspension_is_for_the_product_that_is_short(story: Story) -> None:
    """Given one revoked for Professional only, then Standard stays compliant throughout."""
    team(story, "ines", "omar")
    story.given(is_recognised("ines", START, S200S), is_recognised("omar", START, S200S))
    story.when(is_revoked("omar", LOSS, S200P))
    story.then("acorn", at=DEADLINE, product=S200P, status="suspended")
    story.then("acorn", at=DEADLINE, product=S200S, status="compliant", windows=[])


@rule("R14")
def test_a_revocation_opens_a_window_like_a_departure(story: Story) -> None:
    team(story, "ines", "omar")
    story.when(is_revoked("omar", LOSS))
    story.then("acorn", at=LOSS, status="in_window", windows=[Expected(LOSS, "open")])


@rule("R14", "R23")
def test_a_move_opens_a_window_where_the_person_left(story: Story) -> None:
    """Given a partner of one developer, when that person goes to another, then the window is at the first."""
    story.given(enrolled("acorn", START, DEVELOPER), certified("ines", partner="acorn", at=START))
    story.given(enrolled("birch", START, DEVELOPER))
    story.when(leaves("ines", "acorn", LOSS), joins("ines", "birch", LOSS))
    story.then("acorn", at=LOSS, status="in_window", windows=[Expected(LOSS, "open")])
    story.then("birch", at=LOSS, status="compliant", windows=[])


@rule("R15")
def test_the_london_date_of_the_loss_counts(story: Story) -> None:
    """Given a loss at 00:30 in London on 1 July, which is 30 June in UTC, then the last day is 31 July."""
    loss = utc("2023-06-30 23:30")
    team(story, "ines", "omar")
    story.when(leaves("omar", "acorn", loss))
    expected = Expected(loss, "open", deadline_on=date(2023, 7, 31), deadline_at=utc("2023-07-31 23:00"))
    story.then("acorn", at=loss, windows=[expected])


@rule("R15", through_http=True)
def test_days_are_counted_not_hours(story: Story) -> None:
    """Given a window over the night in which the clocks go forward, then its 30 days are an hour shorter."""
    loss = utc("2023-03-10 12:00")
    team(story, "ines", "omar")
    story.when(leaves("omar", "acorn", loss))
    expected = Expected(loss, "open", deadline_on=date(2023, 4, 9), deadline_at=utc("2023-04-09 23:00"))
    story.then("acorn", at=loss, windows=[expected])


@rule("R15")
def test_the_hour_of_the_loss_does_not_matter(story: Story) -> None:
    """Given losses at the first and the last microsecond of a London day, then both windows end together."""
    first, last = utc("2023-02-06 00:00"), utc("2023-02-07 00:00") - MICROSECOND
    team(story, "ines", "omar")
    story.when(leaves("ines", "acorn", first), leaves("omar", "acorn", last))
    windows = [Expected(first, "open", deadline_at=DEADLINE), Expected(last, "open", deadline_at=DEADLINE)]
    story.then("acorn", at=last, windows=windows)


@rule("R16", through_http=True)
def test_a_microsecond_before_the_deadline_is_in_time(story: Story) -> None:
    team(story, "ines", "omar")
    filled = DEADLINE - MICROSECOND
    story.when(leaves("omar", "acorn", LOSS), certified("lea", partner="acorn", at=filled))
    story.then("acorn", at=DEADLINE, status="compliant", windows=[Expected(LOSS, "closed", filled)], suspensions=[])


@rule("R16", through_http=True)
def test_at_the_deadline_is_late_but_suspends_nobody(story: Story) -> None:
    """Given a replacement at the very deadline, then the window was closed late, and no suspension is recorded."""
    team(story, "ines", "omar")
    story.when(leaves("omar", "acorn", LOSS), certified("lea", partner="acorn", at=DEADLINE))
    expected = [Expected(LOSS, "closed_late", DEADLINE)]
    story.then("acorn", at=DEADLINE, status="compliant", sell_new=True, windows=expected, suspensions=[])


@rule("R18", through_http=True)
def test_a_replacement_fills_the_oldest_window(story: Story) -> None:
    """Given two missing since different days, when one is replaced, then the older window closes."""
    team(story, "ines", "omar")
    second, filled = LOSS + 10 * DAY, LOSS + 20 * DAY
    story.when(leaves("ines", "acorn", LOSS), leaves("omar", "acorn", second))
    story.when(certified("lea", partner="acorn", at=filled))
    story.then("acorn", at=filled, shortfall=1, windows=[Expected(LOSS, "closed", filled), Expected(second, "open")])
    story.then("acorn", at=DEADLINE, status="in_window")
    story.then("acorn", at=DEADLINE + 10 * DAY, status="suspended", suspensions=[(DEADLINE + 10 * DAY, None)])


@rule("R18")
def test_the_same_person_may_be_the_replacement(story: Story) -> None:
    team(story, "ines", "omar")
    story.when(leaves("omar", "acorn", LOSS), joins("omar", "acorn", LOSS + DAY))
    story.then("acorn", at=LOSS + DAY, status="compliant", windows=[Expected(LOSS, "closed", LOSS + DAY)])


@rule("R18")
def test_a_restored_certification_is_a_replacement(story: Story) -> None:
    team(story, "ines", "omar")
    story.when(is_revoked("omar", LOSS), is_recognised("omar", LOSS + DAY))
    story.then("acorn", at=LOSS + DAY, status="compliant", windows=[Expected(LOSS, "closed", LOSS + DAY)])


@rule("R19")
def test_later_deadlines_add_nothing(story: Story) -> None:
    """Given two windows that expire on different days, then there is one suspension, from the first."""
    team(story, "ines", "omar")
    story.when(leaves("ines", "acorn", LOSS), leaves("omar", "acorn", LOSS + DAY))
    windows = [Expected(LOSS, "expired"), Expected(LOSS + DAY, "expired")]
    story.then("acorn", at=DEADLINE + DAY, windows=windows, suspensions=[(DEADLINE, None)])


@rule("R21", "R18", through_http=True)
def test_reinstated_when_back_at_the_minimum_and_not_before(story: Story) -> None:
    """Given a suspended partner that lacks two, when one comes it stays suspended; when the second comes, selling
    is allowed again from that instant."""
    team(story, "ines", "omar")
    one, two = DEADLINE + DAY, DEADLINE + 2 * DAY
    story.given(leaves("ines", "acorn", LOSS), leaves("omar", "acorn", LOSS))
    story.when(certified("lea", partner="acorn", at=one), certified("noor", partner="acorn", at=two))
    story.then("acorn", at=one, status="suspended", shortfall=1)
    story.then("acorn", at=two - MICROSECOND, status="suspended", sell_new=False)
    windows = [Expected(LOSS, "closed_late", one), Expected(LOSS, "closed_late", two)]
    story.then("acorn", at=two, status="compliant", sell_new=True, windows=windows, suspensions=[(DEADLINE, two)])


@rule("R21")
def test_a_new_loss_after_reinstatement_has_its_own_thirty_days(story: Story) -> None:
    team(story, "ines", "omar")
    back, again = DEADLINE + DAY, DEADLINE + 5 * DAY
    story.when(leaves("omar", "acorn", LOSS), certified("lea", partner="acorn", at=back), leaves("lea", "acorn", again))
    windows = [Expected(LOSS, "closed_late", back), Expected(again, "open")]
    story.then("acorn", at=again, status="in_window", sell_new=True, windows=windows)


@rule("R28", "R12", through_http=True)
def test_leaving_the_programme_voids_what_runs_and_what_expired(story: Story) -> None:
    """Given one expired and one running window, when the partner leaves the programme, both are void; when it
    rejoins, it starts again without a fresh window."""
    team(story, "ines", "omar")
    story.given(leaves("ines", "acorn", LOSS), leaves("omar", "acorn", LOSS + 5 * DAY))
    out, back = DEADLINE + DAY, DEADLINE + 20 * DAY
    story.when(leaves_programme("acorn", out), joins_programme("acorn", "PARTNER_SUCCESS", back))
    windows = [Expected(LOSS, "void", out), Expected(LOSS + 5 * DAY, "void", out)]
    story.then("acorn", at=out, status="not_enrolled", windows=windows, suspensions=[(DEADLINE, out)])
    story.then("acorn", at=back, status="not_yet_authorised", sell_new=False, windows=windows)
    story.when(certified("lea", "noor", partner="acorn", at=back + DAY))
    story.then("acorn", at=back + DAY, status="compliant", windows=windows)


@rule("R28", "R17")
def test_out_and_in_at_one_instant_is_no_leaving(story: Story) -> None:
    """Given a running window, when the partner leaves and rejoins at one instant, then the window runs on."""
    team(story, "ines", "omar")
    story.given(leaves("omar", "acorn", LOSS))
    moment = LOSS + DAY
    story.when(leaves_programme("acorn", moment), joins_programme("acorn", "PARTNER_SUCCESS", moment))
    story.then("acorn", at=moment, status="in_window", windows=[Expected(LOSS, "open")])


@rule("R28", "R29")
def test_closing_or_being_merged_away_voids_windows(story: Story) -> None:
    team(story, "ines", "omar")
    story.given(enrolled("birch", START), certified("lea", "noor", partner="birch", at=START))
    story.given(leaves("omar", "acorn", LOSS), leaves("noor", "birch", LOSS))
    story.when(closes("acorn", LOSS + DAY), merges("birch", "cedar", LOSS + DAY))
    for partner in ("acorn", "birch"):
        window = Expected(LOSS, "void", LOSS + DAY)
        story.then(partner, at=DEADLINE, status="not_enrolled", windows=[window], suspensions=[])


@rule("R20")
def test_existing_customers_can_be_maintained_while_enrolled(story: Story) -> None:
    """Given a partner in every status in turn, then it may maintain existing customers in all but one."""
    story.given(enrolled("acorn", START))
    story.given(certified("ines", "omar", partner="acorn", at=START + DAY), leaves("omar", "acorn", LOSS))
    story.when(leaves_programme("acorn", DEADLINE + DAY))
    story.then("acorn", at=START, status="not_yet_authorised", maintain_existing=True)
    story.then("acorn", at=START + DAY, status="compliant", maintain_existing=True)
    story.then("acorn", at=LOSS, status="in_window", maintain_existing=True)
    story.then("acorn", at=DEADLINE, status="suspended", maintain_existing=True)
    story.then("acorn", at=DEADLINE + DAY, status="not_enrolled", maintain_existing=False)
