"""The twelve partners, for the modules that ask about no others."""

from collections.abc import AsyncIterator, Iterator

import httpx
import psycopg
import pytest
import pytest_asyncio

from services.compliance.settings import ComplianceSettings
from tests.compliance.asking import asking
from tests.compliance.log import Log
from tests.compliance.twelve_partners import projected
from tests.databases import Database


@pytest.fixture
async def settings(sandbox_database: Database) -> ComplianceSettings:
    return await projected(sandbox_database)


@pytest.fixture
async def client(settings: ComplianceSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(settings) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_client(module_sandbox_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Asks about the twelve partners as well, for all tests of a module that change nothing.

    They run in the loop of the module: `pytest.mark.asyncio(loop_scope="module")`.
    """
    async with asking(await projected(module_sandbox_database)) as client:
        yield client


@pytest.fixture
def owner_log(settings: ComplianceSettings, sandbox_database: Database) -> Iterator[Log]:
    """The log as its owner writes it, after the twelve partners."""
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        yield Log(owner)
