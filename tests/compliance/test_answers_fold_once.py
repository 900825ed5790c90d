"""An answer about a whole partner goes through the facts routed to it once, for all its products."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.compliance.database import Connection, connect
from services.compliance.historical_answers.partners import every_product
from services.compliance.historical_answers.questions import PartnerProducts, PartnerStandings, PartnerTimeline
from services.compliance.historical_answers.standing_history import partner_standings
from services.compliance.historical_answers.timeline import timeline
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.partner_facts import PartnerFacts
from shared.events.envelope import Fact
from tests.compliance.log import OURS, followed
from tests.compliance.seed import BEGIN, SeedFacts
from tests.compliance.test_consultant_lists import NOW
from tests.databases import Database

ANSWERS: dict[type, Callable[[Connection, Any, Parameters], Awaitable[bytes]]] = {
    PartnerProducts: every_product,
    PartnerStandings: partner_standings,
    PartnerTimeline: timeline,
}


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The facts that were gone through."""
    seen: list[str] = []
    add = PartnerFacts.add

    def adding(self: PartnerFacts, fact: Fact) -> None:
        seen.append(fact.fact_id)
        add(self, fact)

    monkeypatch.setattr(PartnerFacts, "add", adding)
    return seen


async def test_an_answer_about_a_partner_goes_through_its_facts_once(
    sandbox_database: Database, folded: list[str]
) -> None:
    seed = SeedFacts()
    seed.var(BEGIN, "P1")
    settings = await followed(sandbox_database, seed.groups, NOW)
    connection = await connect(settings)
    try:
        for question, derive in ANSWERS.items():
            folded.clear()
            assert await derive(connection, question(partner_id="P1"), OURS)
            assert folded, question
            assert len(folded) == len(set(folded)), question
    finally:
        await connection.close()
