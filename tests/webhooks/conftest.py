"""Somebody who owns endpoints, and somebody who receives."""

from collections.abc import AsyncIterator

import pytest

from tests.databases import Database
from tests.webhooks.calling import Caller, calling
from tests.webhooks.receiver import Receiver


@pytest.fixture
async def caller(sandbox_database: Database) -> AsyncIterator[Caller]:
    """Of the compliance service in this process, on an empty database."""
    async with calling(sandbox_database) as caller:
        yield caller


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Takes everything, unless it is told otherwise."""
    async with Receiver() as receiver:
        yield receiver
