"""Dispatchers in this process, and what a receiver has been told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.delivery.dispatcher import Dispatcher
from services.host.wall_clock import wall_clock
from tests.compliance.log import as_dispatcher
from tests.databases import Database
from tests.webhooks.calling import Caller, settings_for
from tests.webhooks.receiver import Request

SECONDS_MAX = 30.0


@asynccontextmanager
async def dispatching(
    database: Database, dispatchers: int = 1, settings: ComplianceSettings | None = None, **more: float
) -> AsyncIterator[None]:
    """Dispatchers that deliver meanwhile."""
    given = as_dispatcher(settings or settings_for(database))
    tasks = [asyncio.create_task(Dispatcher(given, wall_clock, **more).run()) for _ in range(dispatchers)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def received(requests: Sequence[Request]) -> list[dict[str, Any]]:
    """The messages in the order of their arrival, batches unpacked."""
    found: list[dict[str, Any]] = []
    for request in requests:
        body = json.loads(request.body)
        found += body if isinstance(body, list) else [body]
    return found


def numbers(messages: Sequence[dict[str, Any]]) -> list[tuple[int, int, int]]:
    """Epoch, sequence and position of each."""
    return [(message["epoch"], message["sequence"], message["position"]) for message in messages]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits until it holds."""
    async with asyncio.timeout(SECONDS_MAX):
        while not await holds():  # noqa: ASYNC110 - it is another process, or the database, that changes
            await asyncio.sleep(0.02)


async def until_delivered(caller: Caller, endpoint_id: str) -> None:
    """Waits until the endpoint has been told everything."""

    async def caught_up() -> bool:
        return bool((await caller.health(endpoint_id))["lag"] == 0)

    await until(caught_up)


async def waits_for_a_lock(caller: Caller) -> bool:
    """Whether any session does."""
    return bool(caller.sql("SELECT pid FROM pg_locks WHERE NOT granted"))


async def counts(caller: Caller, statement: str, wanted: int) -> bool:
    """Whether the statement gives just this number."""
    return caller.sql(statement) == [(wanted,)]
