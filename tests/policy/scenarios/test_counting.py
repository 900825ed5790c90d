"""R9-R12, R17, R22, R23, R29: who counts where, and against which minimum."""

from tests.policy.scenarios.rules import rule
from tests.policy.scenarios.story import Expected, Story
from tests.policy.scenarios.vocabulary import (
    DEVELOPER,
    VAR,
    becomes,
    certified,
    closes,
    enrolled,
    is_recognised,
    is_void,
    joins,
    joins_programme,
    leaves,
    merges,
    portal_changes,
    utc,
)

START = utc("2023-02-06 09:00")
MARCH = utc("2023-03-06 09:00")
APRIL = utc("2023-04-03 09:00")
MAY = utc("2023-05-02 09:00")
LATER = utc("2023-12-01 00:00")


@rule("R9")
def test_a_person_recognised_twice_is_one_head(story: Story) -> None:
    story.given(enrolled("acorn", START), certified("ines", partner="acorn", at=START), is_recognised("ines", MARCH))
    story.then("acorn", at=APRIL, headcount=1, counted=["ines"], shortfall=1)


@rule("R10", "R12", through_http=True)
def test_a_var_needs_two_and_a_developer_one(story: Story) -> None:
    """Given one certified consultant each, then the developer-only partner may sell and the VAR not yet."""
    story.given(enrolled("acorn", START, VAR), certified("ines", partner="acorn", at=START))
    story.given(enrolled("birch", START, DEVELOPER), certified("omar", partner="birch", at=START))
    story.then("acorn", at=START, minimum=2, shortfall=1, status="not_yet_authorised", sell_new=False, windows=[])
    story.then("birch", at=START, minimum=1, shortfall=0, status="compliant", sell_new=True, windows=[])


@rule("R10")
def test_without_a_kind_there_is_no_minimum(story: Story) -> None:
    """Given people and a programme but no kind, then minimum and shortfall are unknown, until a fact gives it."""
    story.given(joins_programme("acorn", "PARTNER_SUCCESS", START), certified("ines", partner="acorn", at=START))
    story.then("acorn", at=START, minimum=None, shortfall=None, headcount=1, status="not_enrolled")
    story.when(becomes("acorn", VAR, MARCH))
    story.then("acorn", at=START, minimum=None, shortfall=None)
    story.then("acorn", at=MARCH, minimum=2, shortfall=1, status="not_yet_authorised")


@rule("R11", "R28", through_http=True)
def test_only_the_two_programmes_count_as_enrolled(story: Story) -> None:
    """Given an authorised partner, when it moves to Plus nothing changes; when it moves elsewhere, it has left."""
    story.given(enrolled("acorn", START), certified("ines", "omar", partner="acorn", at=START))
    story.when(joins_programme("acorn", "PARTNER_SUCCESS_PLUS", MARCH), joins_programme("acorn", "RESELLER", APRIL))
    story.then("acorn", at=MARCH, status="compliant")
    story.then("acorn", at=APRIL, status="not_enrolled", minimum=2, maintain_existing=False)
    story.when(enrolled("acorn", MAY))
    story.then("acorn", at=MAY, status="compliant")


@rule("R12")
def test_before_the_minimum_is_first_reached_no_window_runs(story: Story) -> None:
    """Given a VAR that had one consultant and loses them, then nothing runs: the duty never began."""
    story.given(enrolled("acorn", START), certified("ines", partner="acorn", at=START))
    story.when(leaves("ines", "acorn", MARCH))
    story.then("acorn", at=LATER, status="not_yet_authorised", windows=[], maintain_existing=True)
    story.when(certified("lea", "noor", partner="acorn", at=LATER))
    story.then("acorn", at=LATER, status="compliant")


@rule("R17", through_http=True)
def test_a_swap_at_one_instant_is_no_shortfall(story: Story) -> None:
    """Given two consultants, when one leaves at the very instant at which another joins, then no window opens,
    in whatever order the two are told."""
    story.given(enrolled("acorn", START), certified("ines", "omar", partner="acorn", at=START))
    story.given(is_recognised("lea", START))
    story.when(joins("lea", "acorn", MARCH), leaves("omar", "acorn", MARCH))
    story.then("acorn", at=MARCH, status="compliant", counted=["ines", "lea"], windows=[])


@rule("R17", "R13")
def test_a_swap_while_short_keeps_the_running_window(story: Story) -> None:
    """Given one missing, when another swap happens, then the first window runs on and no other opens."""
    story.given(enrolled("acorn", START), certified("ines", "omar", partner="acorn", at=START))
    story.given(is_recognised("lea", START), leaves("omar", "acorn", MARCH))
    story.when(leaves("ines", "acorn", APRIL), joins("lea", "acorn", APRIL))
    story.then("acorn", at=APRIL, windows=[Expected(MARCH, "open")], counted=["lea"])


@rule("R22", "R14", "R18", through_http=True)
def test_a_change_of_kind_tests_the_minimum_again(story: Story) -> None:
    """Given a developer with one consultant, when it becomes a VAR, a window opens; when it becomes a developer
    again, the window is closed in time."""
    story.given(enrolled("acorn", START, DEVELOPER), certified("ines", partner="acorn", at=START))
    story.when(becomes("acorn", VAR, MARCH))
    story.then("acorn", at=MARCH, status="in_window", shortfall=1, windows=[Expected(MARCH, "open")])
    story.when(becomes("acorn", DEVELOPER, MARCH.replace(day=20)))
    story.then("acorn", at=APRIL, status="compliant", windows=[Expected(MARCH, "closed", MARCH.replace(day=20))])


@rule("R23", through_http=True)
def test_the_earlier_link_counts(story: Story) -> None:
    """Given one person at two partners, then the earlier link counts, even where that partner is not enrolled;
    when it ends, the other takes over."""
    story.given(enrolled("birch", START, DEVELOPER), is_recognised("ines", START))
    story.given(joins("ines", "acorn", START), joins("ines", "birch", MARCH))
    story.then("acorn", at=MARCH, counted=["ines"], status="not_enrolled")
    story.then("birch", at=MARCH, counted=[], status="not_yet_authorised")
    story.then_person("ines", at=MARCH, certified=True, portal_user=False)
    story.when(leaves("ines", "acorn", APRIL))
    story.then("birch", at=APRIL, counted=["ines"], status="compliant")


@rule("R23")
def test_of_two_links_of_one_instant_the_first_recorded_counts(story: Story) -> None:
    story.given(is_recognised("ines", START), joins("ines", "acorn", START), joins("ines", "birch", START))
    story.then("acorn", at=START, counted=["ines"])
    story.then("birch", at=START, counted=[])


@rule("R23")
def test_joining_again_while_there_changes_nothing(story: Story) -> None:
    """Given a link, when the same link is told again later, then the first date stands."""
    story.given(is_recognised("ines", START), joins("ines", "acorn", START), joins("ines", "birch", MARCH))
    story.when(joins("ines", "acorn", APRIL), leaves("ines", "birch", APRIL))
    story.then("acorn", at=MAY, counted=["ines"])
    story.when(leaves("omar", "acorn", MAY))
    story.then("acorn", at=MAY, counted=["ines"])


@rule("R29", "R28")
def test_closure_ends_links_and_frees_people(story: Story) -> None:
    """Given people at a partner that closes, then they no longer count there, and elsewhere they can."""
    story.given(enrolled("acorn", START), certified("ines", "omar", partner="acorn", at=START))
    story.given(enrolled("birch", START, DEVELOPER), joins("ines", "birch", MARCH))
    story.when(closes("acorn", APRIL))
    story.then("acorn", at=APRIL, counted=[], status="not_enrolled", minimum=2, shortfall=2, windows=[])
    story.then("birch", at=APRIL, counted=["ines"], status="compliant")


@rule("R29", through_http=True)
def test_a_merger_moves_links_with_their_original_date(story: Story) -> None:
    """Given a person at two partners, when the one of the earlier link is merged away, then the moved link is
    still the earlier one; a departure must name the survivor."""
    story.given(enrolled("cedar", START, DEVELOPER), is_recognised("ines", START))
    story.given(joins("ines", "acorn", START), joins("ines", "birch", MARCH))
    story.when(merges("acorn", "cedar", APRIL))
    story.then("cedar", at=APRIL, counted=["ines"], status="compliant")
    story.when(leaves("ines", "acorn", MAY))
    story.then("cedar", at=MAY, counted=["ines"])
    story.when(leaves("ines", "cedar", MAY.replace(hour=10)))
    story.then("cedar", at=LATER, counted=[])
    story.then("birch", at=LATER, counted=["ines"])


@rule("R29", "R35")
def test_simultaneous_mergers_are_followed_to_the_last(story: Story) -> None:
    """Given acorn into birch and birch into cedar at one instant, then people of acorn are at cedar."""
    story.given(is_recognised("ines", START), joins("ines", "acorn", START))
    story.when(merges("birch", "cedar", MARCH), merges("acorn", "birch", MARCH))
    story.then("cedar", at=MARCH, counted=["ines"])
    story.then("birch", at=MARCH, counted=[])


@rule("R29", "R35")
def test_of_mergers_in_a_circle_the_later_recorded_comes_about(story: Story) -> None:
    """Given two partners each said to be merged into the other at one instant, then the later word stands: the
    survivor keeps people and programme."""
    story.given(enrolled("acorn", START, DEVELOPER), enrolled("birch", START, DEVELOPER))
    story.given(certified("ines", partner="acorn", at=START), certified("omar", partner="birch", at=START))
    story.when(merges("acorn", "birch", MARCH), merges("birch", "acorn", MARCH))
    story.then("acorn", at=MARCH, counted=["ines", "omar"], status="compliant")
    story.then("birch", at=MARCH, counted=[], status="not_enrolled")


@rule("R29", "R35", "R27", through_http=True)
def test_a_circle_of_three_leaves_one_partner(story: Story) -> None:
    """Given three mergers of one instant that go round, then the first recorded never came about: that partner
    stays in the programme, and is the only one to be told of a change."""
    partners = ("acorn", "birch", "cedar")
    story.given(*(enrolled(partner, START, DEVELOPER) for partner in partners))
    story.when(merges("acorn", "birch", MARCH), merges("birch", "cedar", MARCH))
    story.then("acorn", at=MARCH, status="not_enrolled")
    story.when(merges("cedar", "acorn", MARCH))
    story.then("acorn", at=MARCH, status="not_yet_authorised")
    story.then("birch", at=MARCH, status="not_enrolled")
    story.then("cedar", at=MARCH, status="not_enrolled")
    story.when(portal_changes("login", APRIL, MAY.date()))
    story.then_notified("login", "acorn", at=APRIL)


@rule("R29")
def test_a_partner_does_not_merge_into_itself(story: Story) -> None:
    story.given(enrolled("acorn", START))
    story.refuses(merges("acorn", "acorn", MARCH), rule="R29")


@rule("R29", "R33")
def test_a_voided_merger_gives_the_people_back(story: Story) -> None:
    story.given(enrolled("acorn", START), certified("ines", "omar", partner="acorn", at=START))
    story.given(merger := merges("acorn", "birch", MARCH))
    story.then("birch", at=APRIL, counted=["ines", "omar"])
    story.when(is_void(merger, APRIL))
    story.then("birch", at=APRIL, counted=[])
    story.then("acorn", at=APRIL, counted=["ines", "omar"], status="compliant", windows=[])


@rule("R23", "R1", through_http=True)
def test_counting_for_another_partner_is_another_answer(story: Story) -> None:
    """Given links to two partners, when the departure from the first is announced, then the answer about the person
    changes at the departure, for another partner is its reason then, and not at the second link."""
    story.given(enrolled("acorn", START, DEVELOPER), enrolled("birch", START, DEVELOPER))
    story.given(certified("ines", partner="acorn", at=START), joins("ines", "birch", MARCH))
    story.when(leaves("ines", "acorn", MAY, recorded_at=MARCH))
    story.then_person("ines", at=START, portal_user=True, next_change_at=MAY)
    story.then_person("ines", at=MAY, portal_user=True, next_change_at=None)
