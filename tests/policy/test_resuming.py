"""A partner that is gone on with comes out as one that is folded from the first fact: what is kept never shows."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.partner_history import PartnerHistory, PublicationUnknown
from services.compliance.policy.step_position import LAST_PARTNER, StepPosition
from services.compliance.projection.replay import Group, derive, replay, replay_from_cursor, resume
from services.compliance.read_model.rows import PartnerRows, PersonRows
from shared.events.envelope import Fact
from tests.oracle.histories import seeded
from tests.policy.comparison import Case

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def case_and_log(seed: int) -> tuple[Case, list[Fact]]:
    case = Case(seeded(seed))
    return case, [each for group in case.groups for each in group]


def some_step(random: Random, log: list[Fact]) -> StepPosition:
    """Behind a group, or behind the timers at its instant or long after it."""
    last = random.choice(log)
    if random.random() < 0.5:
        return StepPosition(last.recorded_at, last.append_position, LAST_PARTNER)
    return StepPosition(last.recorded_at + random.choice((0, 60)) * timedelta(days=1), 0, LAST_PARTNER)


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_beginning_where_the_steps_lie_behind_gives_the_same_steps(first: int) -> None:
    compared = 0
    for seed in range(first, first + 50):
        (case, log), random = case_and_log(seed), Random(seed)
        for partner_id in case.partners:
            after, until = sorted((some_step(random, log), some_step(random, log)))
            whole = derive(partner_id, log, after, until, PARAMETERS)
            try:
                _, settled, changed = replay_from_cursor(partner_id, log, after, until, PARAMETERS)
            except PublicationUnknown:
                continue
            assert settled.events == whole.events
            assert (settled.windows, settled.due_at) == (whole.windows, whole.due_at)
            if changed:
                assert_alike(settled, whole)
                compared += 1
    assert compared > 20


@pytest.mark.parametrize("first", range(0, 120, 60))
def test_going_on_with_a_kept_history_gives_the_same_steps(first: int) -> None:
    for seed in range(first, first + 60):
        (case, log), random = case_and_log(seed), Random(seed)
        for partner_id in case.partners:
            middle, until = sorted((some_step(random, log), some_step(random, log)))
            history = PartnerHistory(partner_id, PARAMETERS)
            replay(history, [each for each in log if _key(each) <= middle], None, middle)
            groups = [Group(tuple(group)) for group in case.groups if group and _key(group[0]) > middle]
            resumed = resume(history, groups, until)
            whole = derive(partner_id, log, middle, until, PARAMETERS)
            if resumed is None:
                assert whole.events == []
            else:
                assert_alike(resumed, whole)


def assert_alike(rows: PartnerRows, whole: PartnerRows) -> None:
    """The rows are those of the whole; of people only those are written who may have changed.

    A standing can begin later: it is as true from there on, and who asks about an earlier instant replays history.
    """
    written = {person.consultant_id: person for person in whole.people}
    assert rows.people == [_of_changes(written[person.consultant_id], person.portal_changes) for person in rows.people]
    if not rows.standings:  # nothing but people may differ
        assert rows.events == whole.events == []
        return
    assert _without_start(rows) == _without_start(whole)
    assert all(
        row.valid_from >= of_whole.valid_from for row, of_whole in zip(rows.standings, whole.standings, strict=True)
    )


def _of_changes(person: PersonRows, portal_changes: set[str] | None) -> PersonRows:
    if portal_changes is None:
        return person
    duties = [duty for duty in person.duties if duty.portal_change_id in portal_changes]
    return person._replace(duties=duties, portal_changes=portal_changes)


def _without_start(rows: PartnerRows) -> tuple[object, ...]:
    standings = [row._replace(valid_from=EARLIEST) for row in rows.standings]
    return rows.partner_id, rows.events, standings, rows.windows, rows.due_at


def _key(each: Fact) -> StepPosition:
    return StepPosition(each.recorded_at, each.append_position, LAST_PARTNER)
