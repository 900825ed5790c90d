"""What a history that is kept between batches takes in is what a rebuild routes to it: nothing less, nothing twice."""

import asyncio

import pytest

from services.compliance.projection.batch import LIMITS, Limits
from shared.events.facts import ConsultantLinked, FactVoided, PartnerClosed, PartnerEnrolled, PartnersMerged
from tests.compliance.seed import BEGIN, DAY, SeedFacts
from tests.compliance.test_projection import follow, verify
from tests.databases import Database

SHARED = LIMITS._replace(shared_min=1)
ENDED = BEGIN + 5 * DAY


def two_partners() -> SeedFacts:
    seed = SeedFacts()
    for partner_id in ("P", "Q"):
        seed.tell(BEGIN, PartnerEnrolled(partner_id, "DEVELOPER", "PARTNER_SUCCESS"))
    return seed


@pytest.mark.parametrize("limits", [LIMITS, SHARED], ids=["followed", "shared"])
async def test_a_closure_beside_the_link_that_brings_it_is_taken_in_once(database: Database, limits: Limits) -> None:
    """R29, R33: one batch links somebody of P to Q too and closes Q, a later one voids the closure."""
    seed = two_partners()
    seed.certified(BEGIN, "C")
    seed.tell(BEGIN, ConsultantLinked("P", "C"))
    before = len(seed.groups)
    seed.tell(BEGIN + DAY, ConsultantLinked("Q", "C"))
    seed.tell(ENDED, PartnerClosed("Q"))
    closure = seed.head
    seed.certified(ENDED, "C", "S200S")
    seed.tell(ENDED + DAY, FactVoided(f"f{closure}"))
    await follow(database, seed.groups, [before, 3, 1], barriers=False, limits=limits)

    assert (await asyncio.to_thread(verify, database)).differences == ()


@pytest.mark.parametrize("voided", [False, True], ids=["closed", "closed and voided"])
async def test_who_survives_a_partner_can_undo_its_merger_though_nobody_is_linked(
    database: Database, *, voided: bool
) -> None:
    """R35: P and Q merge into each other at one instant; the later recorded wins, until Q is closed at that instant."""
    seed = two_partners()
    seed.tell(ENDED, PartnersMerged("P", "Q"))
    seed.tell(ENDED, PartnersMerged("Q", "P"))
    seed.tell(ENDED, PartnerClosed("Q"))
    if voided:
        seed.tell(ENDED + DAY, FactVoided(f"f{seed.head}"))
    await follow(database, seed.groups, [1], barriers=False)

    assert (await asyncio.to_thread(verify, database)).differences == ()
