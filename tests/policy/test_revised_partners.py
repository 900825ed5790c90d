"""Whom a revision of the policy changes, found without deriving anybody, against all histories (R39)."""

from collections.abc import Iterator, Sequence

import pytest

from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.partner_history import PartnerHistory
from services.compliance.policy.revised_partners import Revision
from services.compliance.read_model.forecast_rows import forecast_rows
from shared.events.envelope import Fact
from shared.events.facts import FactVoided, PolicyRevised
from tests.oracle.histories import seeded
from tests.policy.comparison import Case


def about_policy(groups: Sequence[Sequence[Fact]]) -> list[Fact]:
    """The revisions and their voids, in log order."""
    log = [fact for group in groups for fact in group]
    revisions = {fact.fact_id for fact in log if isinstance(fact.data, PolicyRevised)}
    return [
        fact
        for fact in log
        if fact.fact_id in revisions or (isinstance(fact.data, FactVoided) and fact.data.fact_id in revisions)
    ]


def about_partner(groups: Sequence[Sequence[Fact]], partner: str) -> list[Fact]:
    """The facts about the partner as such, with their voids, as the log routes them."""
    log = [fact for group in groups for fact in group]
    own = {
        fact.fact_id
        for fact in log
        if getattr(fact.data, "partner_id", None) == partner and not hasattr(fact.data, "consultant_id")
    }
    return [fact for fact in log if fact.fact_id in own or getattr(fact.data, "fact_id", None) in own]


def judged(case: Case, partner: str) -> Iterator[tuple[bool, bool]]:
    """For each fact about the policy: whether the partner is found, and whether its history changes."""
    history = PartnerHistory(partner, PARAMETERS)
    policy = {fact.fact_id for fact in about_policy(case.groups)}
    for number, group in enumerate(case.groups, start=1):
        if not group:
            continue
        history.fire_timers(group[0].recorded_at)
        if group[0].fact_id not in policy:
            history.record(group)
            continue
        revision = Revision(about_policy(case.groups[:number]), PARAMETERS)
        windows = forecast_rows(history).windows
        found = any(
            changed.since <= window.opened_at and (changed.through is None or window.opened_at < changed.through)
            for changed in revision.days
            for window in windows
        ) or revision.changes_enrolment(about_partner(case.groups[:number], partner))
        changes = history.changes
        history.record(group)
        yield found, history.changes > changes


@pytest.mark.parametrize("first", range(0, 240, 80))
def test_whom_a_revision_changes_is_found_and_hardly_anybody_else(first: int) -> None:
    found_in_vain = found_rightly = left_alone = 0
    for seed in range(first, first + 80):
        case = Case(seeded(seed))
        for partner in case.partners:
            for found, changed in judged(case, partner):
                assert found or not changed, f"history {seed}: a revision changes {partner}, which is not found"
                found_rightly += found and changed
                found_in_vain += found and not changed
                left_alone += not found
    assert left_alone > 10
    assert found_in_vain * 4 < found_rightly
