"""Twelve partners, half of which lose a consultant in March, and a service that answers about them."""

from datetime import UTC, datetime, timedelta

from services.compliance.settings import ComplianceSettings
from shared.events.facts import ConsultantLeft, PortalChangeDeclared
from tests.compliance.log import Group, followed
from tests.compliance.seed import BEGIN, SeedFacts
from tests.databases import Database

LOSS = datetime(2022, 3, 1, 9, tzinfo=UTC)
NOW = datetime(2022, 3, 25, 9, tzinfo=UTC)
DEADLINE = datetime(2022, 3, 31, 23, tzinfo=UTC)
PARTNERS = [f"P{number:02}" for number in range(12)]


def told() -> list[Group]:
    """Twelve VARs with two certified consultants each; those with an even number lose one in March."""
    telling = SeedFacts()
    for partner in PARTNERS:
        telling.var(BEGIN, partner)
    telling.tell(BEGIN + timedelta(days=1), PortalChangeDeclared("CH1", ("S200P",), True, NOW.date(), "a change"))
    for number, partner in enumerate(PARTNERS[::2]):
        telling.tell(LOSS + timedelta(days=number // 2), ConsultantLeft(partner, f"{partner}-B"))
    return telling.groups


HEAD = told()[-1][-1].position


async def projected(database: Database) -> ComplianceSettings:
    """The settings of a service on the database, which holds these partners, projected up to NOW."""
    return await followed(database, told(), NOW)
