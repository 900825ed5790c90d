"""Work over whole tables, shared by several connections, so that PostgreSQL does it on several cores."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from services.compliance.database import OwnConnection

Job = Callable[[OwnConnection], Awaitable[None]]


async def run_on(connections: Sequence[OwnConnection], jobs: Iterable[Job]) -> None:
    """Each connection takes the next job when it is free. Raises what one raises."""
    waiting = iter(jobs)

    async def take(connection: OwnConnection) -> None:
        for job in waiting:
            await job(connection)

    await asyncio.gather(*map(take, connections))
