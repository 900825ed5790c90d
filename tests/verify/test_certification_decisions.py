"""The verifier agrees with every decision that certification publishes, and notices one that does not follow."""

from collections.abc import Iterator
from itertools import groupby

import pytest

from sagecert_verify.derive.certification_decisions import DECISIONS, ConsultantDecisions, Difference
from sagecert_verify.derive.logged_fact import LoggedFact
from tests.oracle.histories import seeded
from tests.oracle.rules.knowledge import consultants_mentioned
from tests.policy.fact_log import recorded
from tests.verify.test_derivation import FIRST, HISTORIES, stored


def about(facts: list[LoggedFact], consultant: str) -> list[LoggedFact]:
    """The facts about the person, their registrations whole, and the voids of these."""
    registrations = {
        fact.data["registration_id"]
        for fact in facts
        if fact.kind == "exam-registered" and fact.data["consultant_id"] == consultant
    }
    own = {
        fact.fact_id
        for fact in facts
        if fact.data.get("consultant_id") == consultant or fact.data.get("registration_id") in registrations
    }
    return [fact for fact in facts if fact.fact_id in own or fact.data.get("fact_id") in own]


def differences(facts: list[LoggedFact], consultant: str) -> Iterator[Difference]:
    decisions = ConsultantDecisions(consultant)
    for _, group in groupby(about(facts, consultant), key=lambda fact: fact.append_position):
        difference = decisions.take(list(group))
        if difference is not None:
            yield difference


@pytest.mark.parametrize("seed", range(FIRST, FIRST + HISTORIES))
def test_every_decision_about_every_consultant(seed: int) -> None:
    history = seeded(seed)
    facts = stored(recorded(history))
    for consultant in sorted(consultants_mentioned(history)):
        assert list(differences(facts, consultant)) == []


def test_a_decision_that_is_left_out_is_missing() -> None:
    facts = stored(recorded(seeded(0)))
    decision = next(fact for fact in facts if fact.kind in DECISIONS)
    without = [fact for fact in facts if fact is not decision]
    first = next(differences(without, decision.data["consultant_id"]))
    assert first.position == decision.position - 1
    assert "missing" in first.sentence
