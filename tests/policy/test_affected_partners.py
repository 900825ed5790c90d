"""Whom a fact can matter to, found by the links of its person alone, against the histories of all partners."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from services.compliance.policy.affected_partners import AffectedPartners
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.partner_history import PartnerHistory
from shared.events.envelope import Fact
from shared.events.facts import (
    CertificationRevoked,
    ConsultantCertified,
    ConsultantLeft,
    ConsultantLinked,
    FactData,
    FactVoided,
    PartnerClosed,
    PartnerEnrolled,
    PartnersMerged,
    Period,
)

START = datetime(2024, 1, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
PARTNERS = [f"P{number}" for number in range(6)]


def happenings(random: Random) -> Iterator[tuple[int, FactData | None]]:
    """At which hour, and what (None: the void of an earlier fact): two people between six partners."""
    for partner_id in PARTNERS:
        yield 0, PartnerEnrolled(partner_id, random.choice(("VAR", "DEVELOPER")), "PARTNER_SUCCESS")
    for _ in range(random.randint(10, 60)):
        hour, partner_id, consultant_id = random.randint(0, 12), random.choice(PARTNERS), random.choice(("C0", "C1"))
        kind = random.random()
        if kind < 0.5:
            yield hour, ConsultantLinked(partner_id, consultant_id)
        elif kind < 0.7:
            yield hour, ConsultantLeft(partner_id, consultant_id)
        elif kind < 0.8:
            since, grant_id = START + hour * HOUR, f"g{random.randint(0, 2)}-{consultant_id}"
            yield hour, ConsultantCertified(consultant_id, "S200P", grant_id, since, (Period(since, None, ("e",)),))
        elif kind < 0.84:
            grant_id = f"g{random.randint(0, 2)}-{consultant_id}"
            yield hour, CertificationRevoked(consultant_id, "S200P", grant_id, START, ())
        elif kind < 0.88:
            yield hour, PartnerClosed(partner_id)
        elif kind < 0.93:
            yield hour, PartnersMerged(partner_id, random.choice([other for other in PARTNERS if other != partner_id]))
        else:
            yield hour, None


def log(random: Random) -> Iterator[Fact]:
    """Recorded one after the other, after all of it happened."""
    facts: list[Fact] = []
    for position, (hour, data) in enumerate(happenings(random), start=1):
        if data is None:
            voidable = [fact for fact in facts if not isinstance(fact.data, FactVoided | ConsultantCertified)]
            data = FactVoided(random.choice(voidable).fact_id)
        recorded_at = START + timedelta(days=2, hours=position)
        facts.append(Fact(f"f{position}", START + hour * HOUR, recorded_at, data, position, position))
        yield facts[-1]


def leading_to(partner_id: str, mergers: Iterable[tuple[str, str]]) -> set[str]:
    """The partner, and those from which mergers lead to it."""
    found, coming = set[str](), {partner_id}
    while coming:
        found |= coming
        coming = {merged for merged, into in mergers if into in coming} - found
    return found


@pytest.mark.parametrize("seeds", [range(first, first + 40) for first in range(0, 160, 40)], ids=str)
def test_nobody_whose_history_changes_is_left_out(seeds: range) -> None:
    left_alone = changed = 0
    for seed in seeds:
        concern = AffectedPartners(PARAMETERS)
        histories = [PartnerHistory(partner_id, PARAMETERS) for partner_id in PARTNERS]
        said: dict[str, FactData] = {}
        mergers: set[tuple[str, str]] = set()
        for fact in log(Random(seed)):
            data = said.setdefault(fact.data.fact_id if isinstance(fact.data, FactVoided) else fact.fact_id, fact.data)
            named = getattr(data, "partner_id", None)
            aside = {named}
            if isinstance(data, PartnersMerged):
                mergers.add((data.partner_id, data.into))
                aside.add(data.into)
            if isinstance(data, PartnerClosed | PartnersMerged):
                aside |= leading_to(data.partner_id, mergers)
            concerned = concern.concerned([fact])
            for history in histories:
                history.fire_timers(fact.recorded_at)
                before = history.changes
                history.record([fact])
                apart = history.partner_id not in concerned | aside
                assert not apart or history.changes == before, (seed, fact)
                left_alone += apart
                changed += history.changes > before

    assert left_alone > changed > 1_000


def test_a_link_elsewhere_concerns_nobody_but_whom_it_names_once_there_are_two() -> None:
    concern = AffectedPartners(PARAMETERS)
    found = [
        concern.concerned([Fact(f"f{number}", START + number * HOUR, START + number * HOUR, data, number, number)])
        for number, data in enumerate((ConsultantLinked(f"P{partner}", "C0") for partner in range(4)), start=1)
    ]

    assert found == [{"P0"}, {"P0", "P1"}, {"P2"}, {"P3"}]
