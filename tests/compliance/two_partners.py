"""Two partners, of which one loses a consultant, and a portal change."""

from datetime import UTC, datetime, timedelta
from typing import Final

from shared.events.facts import ConsultantLeft, PortalChangeDeclared
from tests.compliance.seed import BEGIN, SeedFacts

NOW: Final = datetime(2022, 6, 1, 9, tzinfo=UTC)


def told() -> SeedFacts:
    telling = SeedFacts()
    for partner in ("P1", "P2"):
        telling.var(BEGIN, partner)
    telling.tell(BEGIN + timedelta(days=1), PortalChangeDeclared("CH1", ("S200P",), True, NOW.date(), "a change"))
    telling.tell(BEGIN + timedelta(days=2), ConsultantLeft("P1", "P1-B"))
    return telling
