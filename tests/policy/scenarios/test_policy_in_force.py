"""R39: the policy is revised by facts, from an instant on."""

from datetime import date, timedelta

from tests.policy.scenarios.rules import rule
from tests.policy.scenarios.story import Expected, Story
from tests.policy.scenarios.vocabulary import (
    DEVELOPER,
    VAR,
    becomes,
    certified,
    closes,
    enrolled,
    is_void,
    joins_programme,
    leaves,
    portal_changes,
    revises,
    utc,
)

START = utc("2023-01-09 09:00")
LOSS = utc("2023-02-06 17:30")
DEADLINE = utc("2023-03-09 00:00")
"""The London midnight that ends the 30th day after the loss: 8 March."""
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
FIRST = "2021-08"


def team(story: Story, *people: str, kind: str = VAR, programme: str = "PARTNER_SUCCESS") -> None:
    story.given(enrolled("acorn", START, kind, programme), certified(*people, partner="acorn", at=START))


@rule("R39", "R15", through_http=True)
def test_a_window_keeps_the_days_in_force_when_it_opened(story: Story) -> None:
    """Given 45 days from a day on, announced before, then a window that opened the day before keeps its thirty, and
    one that opens that day has 45."""
    team(story, "ines", "omar", "lea")
    revised_at = LOSS + DAY
    story.when(
        revises("longer", revised_at, window_days=45, recorded_at=START + DAY),
        leaves("lea", "acorn", LOSS - DAY),
        leaves("omar", "acorn", LOSS),
        leaves("ines", "acorn", revised_at),
    )
    story.then(
        "acorn",
        at=revised_at,
        windows=[
            Expected(LOSS, "open", deadline_on=date(2023, 3, 8), deadline_at=DEADLINE, policy_id=FIRST),
            Expected(revised_at, "open", deadline_on=date(2023, 3, 24), policy_id="longer"),
        ],
    )
    story.then("acorn", at=DEADLINE, status="suspended")
    story.then_policy(FIRST, at=revised_at - MICROSECOND, window_days=30)
    story.then_policy("longer", at=revised_at, window_days=45, minimum={VAR: 2, DEVELOPER: 1})


@rule("R39", "R31", through_http=True)
def test_a_revision_changes_no_answer_as_known_before_it(story: Story) -> None:
    """Given a suspension, when the minimum is lowered later, then what was known before says what it said."""
    team(story, "ines", "omar")
    story.given(leaves("omar", "acorn", LOSS))
    lowered_at = DEADLINE + 10 * DAY
    story.when(revises("lower", lowered_at, minimum={VAR: 1}))
    before = lowered_at - MICROSECOND
    for known_at in (before, lowered_at):
        story.then("acorn", at=before, known_at=known_at, status="suspended", minimum=2, shortfall=1)
    story.then("acorn", at=lowered_at, known_at=before, status="suspended", minimum=2)
    story.then("acorn", at=lowered_at, status="compliant", minimum=1, shortfall=0)
    story.then_policy(FIRST, at=lowered_at, known_at=before)
    story.then_policy("lower", at=lowered_at, known_at=lowered_at)


@rule("R39", "R36", through_http=True)
def test_a_future_revision_shows_ahead_and_holds_from_its_instant(story: Story) -> None:
    """Given a higher minimum from a day on, then an answer about that day has it, and one about today has not."""
    team(story, "ines", "omar")
    raised_at = START + 30 * DAY
    story.when(revises("higher", raised_at, minimum={VAR: 3}, recorded_at=START + DAY))
    story.then("acorn", at=raised_at - MICROSECOND, minimum=2, status="compliant", windows=[])
    story.then("acorn", at=raised_at, minimum=3, status="in_window", windows=[Expected(raised_at, "open")])
    story.then("acorn", at=raised_at, known_at=START + DAY, minimum=3, shortfall=1)
    story.then("acorn", at=raised_at, known_at=START + DAY - MICROSECOND, minimum=2, shortfall=0)


@rule("R39", "R14", "R18", through_http=True)
def test_a_higher_minimum_opens_windows_and_a_lower_one_closes_the_oldest(story: Story) -> None:
    """Given a window, when the minimum rises by two and then falls by two, then two windows open, and the two oldest
    of three are closed."""
    team(story, "ines", "omar")
    story.given(leaves("omar", "acorn", LOSS))
    raised_at, lowered_at = LOSS + DAY, LOSS + 2 * DAY
    story.when(revises("higher", raised_at, minimum={VAR: 4}), revises("lower", lowered_at, minimum={VAR: 2}))
    opened = [Expected(LOSS, "open"), Expected(raised_at, "open"), Expected(raised_at, "open")]
    story.then("acorn", at=raised_at, minimum=4, shortfall=3, windows=opened)
    story.then(
        "acorn",
        at=lowered_at,
        shortfall=1,
        windows=[
            Expected(LOSS, "closed", lowered_at),
            Expected(raised_at, "closed", lowered_at),
            Expected(raised_at, "open"),
        ],
    )


@rule("R39", "R21", through_http=True)
def test_a_lower_minimum_reinstates_at_its_instant(story: Story) -> None:
    """Given a suspended partner with one, when one is enough, then it sells again from that instant."""
    team(story, "ines", "omar")
    story.given(leaves("omar", "acorn", LOSS))
    lowered_at = DEADLINE + DAY
    story.when(revises("lower", lowered_at, minimum={VAR: 1}))
    story.then("acorn", at=lowered_at - MICROSECOND, status="suspended", sell_new=False)
    story.then(
        "acorn",
        at=lowered_at,
        status="compliant",
        sell_new=True,
        windows=[Expected(LOSS, "closed_late", lowered_at)],
        suspensions=[(DEADLINE, lowered_at)],
    )


@rule("R39", "R17")
def test_a_revision_and_the_facts_of_its_instant_apply_together(story: Story) -> None:
    """Given two, when one leaves as one becomes enough, then nothing opens; when one joins as three are needed, too."""
    team(story, "ines", "omar")
    story.when(leaves("omar", "acorn", LOSS), revises("lower", LOSS, minimum={VAR: 1}))
    story.then("acorn", at=LOSS, status="compliant", headcount=1, windows=[])
    raised_at = LOSS + DAY
    story.when(
        revises("higher", raised_at, minimum={VAR: 3}),
        certified("lea", "noor", partner="acorn", at=raised_at),
    )
    story.then("acorn", at=raised_at, status="compliant", headcount=3, minimum=3, windows=[])


@rule("R39", "R13")
def test_a_window_that_opens_at_the_instant_of_a_revision_has_its_days(story: Story) -> None:
    """Given a loss recorded before the revision of the same instant, then the window has the revised days."""
    team(story, "ines", "omar")
    story.when(leaves("omar", "acorn", LOSS), revises("shorter", LOSS, window_days=1))
    story.then("acorn", at=LOSS, windows=[Expected(LOSS, "open", deadline_on=date(2023, 2, 7), policy_id="shorter")])


@rule("R39", "R16")
def test_at_a_deadline_the_timer_runs_before_the_revision(story: Story) -> None:
    """Given a window, when one becomes enough at the very deadline, then it is closed late and nobody suspended."""
    team(story, "ines", "omar")
    story.given(leaves("omar", "acorn", LOSS))
    story.when(revises("lower", DEADLINE, minimum={VAR: 1}, recorded_at=LOSS + DAY))
    story.then(
        "acorn", at=DEADLINE, status="compliant", windows=[Expected(LOSS, "closed_late", DEADLINE)], suspensions=[]
    )


@rule("R39", "R11", "R12", "R28", through_http=True)
def test_a_programme_that_is_no_longer_eligible_ends_the_enrolment_until_it_is_again(story: Story) -> None:
    """Given a window, when the programme is dropped, then the window is void; when it is taken back, the duty begins
    again: nobody is authorised before the minimum is reached."""
    team(story, "ines", "omar")
    story.given(enrolled("birch", START, programme="PARTNER_ELITE"), leaves("omar", "acorn", LOSS))
    dropped_at, back_at = LOSS + DAY, LOSS + 5 * DAY
    story.when(revises("elite", dropped_at, programmes=("PARTNER_ELITE",)))
    story.then("acorn", at=dropped_at, status="not_enrolled", windows=[Expected(LOSS, "void", dropped_at)])
    story.then("birch", at=dropped_at, status="not_yet_authorised", maintain_existing=True)
    story.when(revises("both", back_at, programmes=("PARTNER_SUCCESS", "PARTNER_ELITE")))
    story.then("acorn", at=back_at, status="not_yet_authorised", windows=[Expected(LOSS, "void", dropped_at)])
    story.when(certified("lea", partner="acorn", at=back_at + DAY))
    story.then("acorn", at=back_at + DAY, status="compliant")


@rule("R39", "R12", through_http=True)
def test_a_lowered_minimum_is_reached_by_who_was_not_yet_authorised(story: Story) -> None:
    """Given one, not yet authorised, when one becomes enough, then the duty begins: the next loss opens a window."""
    team(story, "ines")
    story.when(revises("lower", LOSS, minimum={VAR: 1}))
    story.then("acorn", at=LOSS - MICROSECOND, status="not_yet_authorised")
    story.then("acorn", at=LOSS, status="compliant", windows=[])
    story.when(leaves("ines", "acorn", LOSS + DAY))
    story.then("acorn", at=LOSS + DAY, status="in_window", shortfall=1)


@rule("R39", "R10")
def test_the_minimum_of_one_kind_leaves_the_other_alone(story: Story) -> None:
    """Given a minimum for developers only, then a VAR keeps its own."""
    team(story, "ines", "omar")
    story.given(enrolled("birch", START, DEVELOPER), certified("lea", partner="birch", at=START))
    story.when(revises("developers", LOSS, minimum={DEVELOPER: 3}))
    story.then("acorn", at=LOSS, minimum=2, status="compliant")
    story.then("birch", at=LOSS, minimum=3, shortfall=2, status="in_window")
    story.then_policy("developers", at=LOSS, minimum={VAR: 2, DEVELOPER: 3})


@rule("R39", "R13", through_http=True)
def test_a_loss_below_a_higher_minimum_opens_a_window(story: Story) -> None:
    """Given three that are just enough, when one leaves, then a window opens though two are left."""
    team(story, "ines", "omar", "lea")
    story.given(revises("higher", START + DAY, minimum={VAR: 3}))
    story.when(leaves("omar", "acorn", LOSS))
    story.then("acorn", at=LOSS, status="in_window", headcount=2, shortfall=1, windows=[Expected(LOSS, "open")])


@rule("R39", "R22")
def test_a_changed_kind_has_the_minimum_in_force(story: Story) -> None:
    """Given three for a VAR, when a developer with one becomes a VAR, then two are missing."""
    team(story, "ines", kind=DEVELOPER)
    story.given(revises("higher", START + DAY, minimum={VAR: 3}))
    story.when(becomes("acorn", VAR, LOSS))
    story.then("acorn", at=LOSS - MICROSECOND, minimum=1, status="compliant")
    story.then("acorn", at=LOSS, minimum=3, shortfall=2, windows=[Expected(LOSS, "open"), Expected(LOSS, "open")])


@rule("R39", "R35", through_http=True)
def test_of_two_revisions_at_one_instant_the_later_recorded_wins_term_by_term(story: Story) -> None:
    """Given two revisions of one instant, recorded the other way round, then each term is that of the later one that
    names it, and the policy is the later one."""
    team(story, "ines", "omar", "lea")
    story.when(
        revises("one", LOSS, window_days=60, minimum={VAR: 3}, recorded_at=START + DAY),
        revises("two", LOSS, window_days=10, recorded_at=START + 2 * DAY),
        leaves("lea", "acorn", LOSS),
    )
    window = Expected(LOSS, "open", deadline_on=date(2023, 2, 16), policy_id="two")
    story.then("acorn", at=LOSS, minimum=3, windows=[window])
    story.then_policy("two", at=LOSS, window_days=10, minimum={VAR: 3, DEVELOPER: 1})


@rule("R39", "R33", through_http=True)
def test_the_void_of_a_revision_acts_on_all_time_from_its_recording(story: Story) -> None:
    """Given windows of a revised minimum and revised days, when the revision is voided, then only the loss that was one
    counts, with the days of the first policy; what was known before stays."""
    team(story, "ines", "omar")
    revised_at, voided_at = LOSS - DAY, LOSS + 20 * DAY
    revision = revises("wrong", revised_at, minimum={VAR: 3}, window_days=7)
    story.given(revision, leaves("omar", "acorn", LOSS))
    story.then("acorn", at=LOSS + 10 * DAY, status="suspended", shortfall=2)
    story.when(is_void(revision, voided_at))
    window = Expected(LOSS, "open", deadline_on=date(2023, 3, 8), policy_id=FIRST)
    story.then("acorn", at=voided_at, status="in_window", minimum=2, windows=[window], suspensions=[])
    story.then("acorn", at=LOSS + 10 * DAY, known_at=voided_at - MICROSECOND, status="suspended", minimum=3)
    story.then_policy(FIRST, at=voided_at)
    story.then_policy("wrong", at=voided_at, known_at=voided_at - MICROSECOND)


@rule("R39", "R34", "R33")
def test_a_revision_is_never_dated_back_and_its_id_stands_for_one(story: Story) -> None:
    """Given a revision, then its id is taken until it is voided; one that is dated back is refused."""
    first = revises("one", LOSS, window_days=45)
    story.refuses(revises("back", LOSS - MICROSECOND, window_days=45, recorded_at=LOSS), "R39")
    story.given(first)
    story.refuses(revises("one", LOSS, window_days=46), "R34")
    story.refuses(revises(FIRST, LOSS, window_days=46), "R34")
    story.repeats(revises("one", LOSS, window_days=45, recorded_at=LOSS + DAY))
    story.when(is_void(first, LOSS + DAY), revises("one", LOSS + DAY, window_days=46))
    story.then_policy("one", at=LOSS + DAY, window_days=46)
    story.then_policy(FIRST, at=LOSS)


@rule("R39", "R15")
def test_revised_days_are_london_days(story: Story) -> None:
    """Given fifty days over the night in which the clocks go forward, then the last ends at a London midnight."""
    team(story, "ines", "omar")
    story.given(revises("longer", START + DAY, window_days=50))
    story.when(leaves("omar", "acorn", LOSS))
    window = Expected(LOSS, "open", deadline_on=date(2023, 3, 28), deadline_at=utc("2023-03-28 23:00"))
    story.then("acorn", at=LOSS, windows=[window])


@rule("R39", "R27", through_http=True)
def test_a_portal_change_is_communicated_to_who_is_enrolled_by_the_policy_then(story: Story) -> None:
    """Given a programme that becomes eligible, then its partners are told of the next change, not of the one before."""
    story.given(enrolled("acorn", START), enrolled("birch", START, programme="PARTNER_ELITE"))
    story.when(
        portal_changes("one", LOSS, date(2023, 6, 30)),
        revises("elite", LOSS + DAY, programmes=("PARTNER_SUCCESS", "PARTNER_ELITE")),
        portal_changes("two", LOSS + 2 * DAY, date(2023, 6, 30)),
    )
    story.then_notified("one", "acorn", at=LOSS + 2 * DAY)
    story.then_notified("two", "acorn", "birch", at=LOSS + 2 * DAY)


@rule("R39", "R1", through_http=True)
def test_who_works_for_a_partner_of_a_dropped_programme_uses_no_portal(story: Story) -> None:
    """Given a certified person, when the programme of the partner is dropped, then portal use ends at that instant."""
    team(story, "ines", "omar")
    story.when(revises("elite", LOSS, programmes=("PARTNER_ELITE",)))
    story.then_person("ines", at=LOSS - MICROSECOND, certified=True, portal_user=True)
    story.then_person("ines", at=LOSS, certified=True, portal_user=False)


@rule("R39", "R28")
def test_who_left_or_closed_is_not_taken_back_by_a_revision(story: Story) -> None:
    """Given one that left and one that closed, when more programmes are eligible, then neither is enrolled."""
    team(story, "ines", "omar")
    story.given(enrolled("birch", START), closes("birch", LOSS), joins_programme("acorn", "NONE", LOSS))
    story.when(revises("more", LOSS + DAY, programmes=("PARTNER_SUCCESS", "PARTNER_ELITE")))
    story.then("acorn", at=LOSS + DAY, status="not_enrolled", minimum=2)
    story.then("birch", at=LOSS + DAY, status="not_enrolled", minimum=2)
