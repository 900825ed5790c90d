"""Closures and mergers of one instant: which came about, and how many are looked at for each further one (R35)."""

from collections.abc import Iterable
from random import Random

import pytest

from services.compliance.policy import partner_endings
from services.compliance.policy.partner_endings import PartnerEndings
from shared.events.envelope import Fact
from shared.events.facts import PartnerClosed, PartnersMerged
from shared.rules.active_links import contradicted
from tests.policy.cost_shapes import START, fact

Ending = PartnerClosed | PartnersMerged

MANY = 300


@pytest.mark.parametrize("seed", range(20))
def test_what_came_about_follows_from_the_endings_that_are_left(seed: int) -> None:
    """Whatever was added and taken out before, in any order."""
    random = Random(seed)
    endings = PartnerEndings("P0")
    held: dict[str, tuple[Fact, Ending]] = {}
    for position in range(1, 60):
        if held and random.random() < 0.3:
            endings.remove(*held.pop(random.choice(sorted(held))))
        else:
            partner, into = random.sample(["P0", "P1", "P2", "P3", "P4"], 2)
            ending: Ending = PartnersMerged(partner, into) if random.random() < 0.7 else PartnerClosed(partner)
            told = fact(position, START, START, ending)
            held[told.fact_id] = told, ending
            endings.add(told, ending)
        undone = contradicted(told for told, _ in held.values())
        assert {fact_id for fact_id, (told, _) in held.items() if not endings.came_about(told)} == undone


def test_an_ending_that_is_in_no_circle_looks_at_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A partner that closes, and is merged into others, again and again as of one instant."""
    looked_at: list[int] = []

    def counting(facts: Iterable[Fact]) -> frozenset[str]:
        found = list(facts)
        looked_at.append(len(found))
        return contradicted(found)

    monkeypatch.setattr(partner_endings, "contradicted", counting)
    endings = PartnerEndings("P")
    added = []
    for number in range(MANY):
        ending = PartnersMerged("P", f"Q{number}") if number % 2 else PartnerClosed("P")
        added.append((fact(number + 1, START, START, ending), ending))
        endings.add(*added[-1])
    for told, ending in added:
        assert endings.came_about(told)
        endings.remove(told, ending)
    assert sum(looked_at) <= 2 * MANY
