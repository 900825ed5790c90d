"""Links that come one by one are as links that come together, also where many are of one instant (R17, R23)."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from services.compliance.policy.link_history import LinkHistory
from shared.events.envelope import Fact
from shared.events.facts import ConsultantLeft, ConsultantLinked, FactData, PartnerClosed, PartnersMerged

START = datetime(2024, 1, 1, tzinfo=UTC)
PARTNERS = ("P", "Q", "R", "S", "T", "U")
LAST = START + timedelta(days=4)


def happening(chance: random.Random) -> FactData:
    """Mostly links."""
    partner, other = chance.sample(PARTNERS, 2)
    others: list[FactData] = [ConsultantLeft(partner, "C"), PartnerClosed(partner), PartnersMerged(partner, other)]
    return chance.choice([*others, *(ConsultantLinked(partner, "C"),) * 6])


def closing(chance: random.Random) -> FactData:
    """Closures of many partners, now and then something else."""
    return PartnerClosed(chance.choice(PARTNERS)) if chance.random() < 0.95 else happening(chance)


def seen(history: LinkHistory) -> object:
    """Everything that it says."""
    instants = [START + timedelta(days=day) for day in range(6)]
    return (
        history.employments,
        [(partner, history.linked_times(partner)) for partner in PARTNERS],
        [(instant, history.several_before(instant)) for instant in instants],
        [(partner, instant, history.linked_at(partner, instant)) for partner in PARTNERS for instant in instants],
    )


@pytest.mark.parametrize("seed", range(300))
def test_one_by_one_is_as_together(seed: int) -> None:
    chance = random.Random(seed)
    one_by_one, facts = LinkHistory(), list[Fact]()
    for position in range(1, 25):
        at = min(LAST, START + timedelta(days=chance.randrange(8)))
        data = closing(chance) if at == LAST and seed % 2 else happening(chance)
        facts.append(Fact(f"f{position}", at, START + timedelta(days=9), data, position, position))
        one_by_one.add(facts[-1])
        if chance.random() < 0.1:
            one_by_one.remove(facts.pop(chance.randrange(len(facts))))
        if chance.random() < 0.7:
            one_by_one.refresh()
        if chance.random() < 0.3:
            together = LinkHistory()
            for fact in facts:
                together.add(fact)
            together.refresh()
            one_by_one.refresh()
            assert seen(one_by_one) == seen(together)
