"""A person at very many partners: its links are followed once for all of these, which costs less and never shows."""

import asyncio
from random import Random

import psycopg
import pytest

from services.compliance.database import connect
from services.compliance.policy.link_history import LinkHistory
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.shared_links import RecordedLinks
from services.compliance.projection.batch import Limits, Projector
from services.compliance.read_model import routing
from shared.events.facts import ConsultantLeft, ConsultantLinked, FactVoided, PartnerClosed, PartnerEnrolled
from tests.compliance.log import OURS, Log, as_follower, settings_for
from tests.compliance.seed import BEGIN, DAY, SeedFacts
from tests.compliance.test_projection import follow, history, mergers, verify
from tests.databases import Database

FEW, MANY = 100, 1_000
TENFOLD_MAX = 12
"""Ten, and room for what each size costs; a square would be a hundred."""


class LookedAt:
    """How many facts are read from the log, and added to the histories of partners and of links; and changes read."""

    def __init__(self, patched: pytest.MonkeyPatch) -> None:
        self.facts = 0
        for where, name in (
            (routing, "decode"),
            (PartnerFacts, "add"),
            (LinkHistory, "add"),
            (RecordedLinks, "log_at"),
        ):
            self._count(patched, where, name)

    def _count(self, patched: pytest.MonkeyPatch, where: object, name: str) -> None:
        original = getattr(where, name)

        def counting(*args: object) -> object:
            self.facts += 1
            return original(*args)

        patched.setattr(where, name, counting)

    def taken(self) -> int:
        """Since it was last asked."""
        facts, self.facts = self.facts, 0
        return facts


async def looked_at(database: Database, partners: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What it takes to link one person to so many partners, and then to take in one more fact about it."""
    told, found = SeedFacts(), dict[str, int]()
    told.certified(BEGIN, "C")
    for number in range(partners):
        told.tell(BEGIN, PartnerEnrolled(f"P{number:04}", "VAR", "PARTNER_SUCCESS"))
    connection = await connect(as_follower(settings_for(database)))
    with psycopg.connect(database.owner_url, autocommit=True) as owner, monkeypatch.context() as patched:
        log, projector = Log(owner), Projector(connection, OURS, "test")
        log.write(told.groups)
        await projector.advance_fully(None)
        counted = LookedAt(patched)
        for first in range(0, partners, at_once):
            for number in range(first, first + at_once):
                told.tell(BEGIN + DAY, ConsultantLinked(f"P{number:04}", "C"))
            log.write(told.groups[-at_once:])
            await projector.advance_fully(None)
        found["links"] = counted.taken()
        last = told.head
        for name, data in (
            ("a departure", ConsultantLeft("P0050", "C")),
            ("a link again", ConsultantLinked("P0050", "C")),
            ("a closure", PartnerClosed("P0060")),
            ("a void", FactVoided(f"f{last}")),
        ):
            told.tell(BEGIN + 2 * DAY, data)
            log.write(told.groups[-1:])
            await projector.advance_fully(None)
            found[name] = counted.taken()
    await connection.close()
    return found


@pytest.mark.parametrize("at_once", [50, None])
async def test_ten_times_as_many_partners_of_a_person_cost_ten_times_as_much(
    database: Database, other_database: Database, at_once: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linked fifty at a time, or (None) all at once."""
    few = await looked_at(database, FEW, at_once or FEW, monkeypatch)
    many = await looked_at(other_database, MANY, at_once or MANY, monkeypatch)

    assert few.pop("links") * TENFOLD_MAX > many.pop("links")
    assert {name: (few[name], count) for name, count in many.items() if count > few[name] + 5} == {}


@pytest.mark.parametrize("seed", [*range(100, 124), 1011, 1174])
async def test_whose_links_are_followed_once_for_all_never_shows(database: Database, seed: int) -> None:
    """Few, many or all people are; no, some or every history is kept; batches end at every step, or are given up."""
    random = Random(seed)
    groups = mergers(random) if seed % 2 else history(seed)
    sizes = [1, 1, random.randint(1, 6)]
    limits = Limits(
        facts_max=random.choice([2, 5, 1_000]),
        partners_max=random.choice([1, 2, 1_024]),
        unnamed_max=random.choice([0, 64]),
        shared_min=random.choice([1, 1, 2, 3]),
        facts_kept_max=random.choice([0, 60, 150, 150_000]),
        seconds_max=random.choice([0, 3, 3]),
    )
    await follow(database, groups, sizes, barriers=random.random() < 0.5, limits=limits)

    rebuilt = await asyncio.to_thread(verify, database)

    assert rebuilt.differences == ()
    assert rebuilt.events > 0
