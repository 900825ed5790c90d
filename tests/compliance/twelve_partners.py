"""Twelve partners, half of which lose a consultant in March, and a service that answers about them."""

from datetime import UTC, datetime, timedelta

import psycopg

from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from services.compliance.settings import ComplianceSettings
from shared.events.facts import ConsultantLeft, PortalChangeDeclared
from tests.compliance.log import OURS, Group, Log, as_follower, set_clock, settings_for
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
    settings = settings_for(database)
    set_clock(database, NOW)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        Log(owner).write(told())
    connection = await connect(as_follower(settings))
    await Projector(connection, OURS, "test").advance_fully(NOW)
    await connection.close()
    return settings
