"""What an endpoint is told: everything that passes its filter, in order, once, numbered without gaps."""

from collections.abc import AsyncIterator

import pytest

from tests.databases import Database
from tests.webhooks.calling import Caller, calling, tell
from tests.webhooks.dispatching import dispatching, numbers, told, until_told
from tests.webhooks.receiver import Receiver


@pytest.fixture
async def caller(sandbox_database: Database) -> AsyncIterator[Caller]:
    async with calling(sandbox_database) as caller:
        yield caller


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
async def head(sandbox_database: Database) -> int:
    return await tell(sandbox_database)


async def test_everything_is_told_in_order_and_numbered(caller: Caller, receiver: Receiver, head: int) -> None:
    endpoint = await caller.register(receiver.url(), start="origin")
    async with dispatching(caller.database):
        await until_told(caller, endpoint["endpoint_id"])
    messages = told(receiver.requests)
    assert numbers(messages) == [(1, position, position) for position in range(1, head + 1)]
