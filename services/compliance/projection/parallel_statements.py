"""Work over whole tables, shared by several connections, so that PostgreSQL does it on several cores."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import ExecutableDDLElement

from services.compliance.database import OwnConnection

Job = Callable[[OwnConnection], Awaitable[None]]

_WORK_MEMORY_MB: Final = 256


def for_bulk(shares: int = 1) -> str:
    """For a transaction over whole tables: otherwise these sessions plan by index.

    `shares`: how many such transactions share the memory.
    """
    memory = f"{max(1, _WORK_MEMORY_MB // shares)}MB"
    return f"""
        SET LOCAL work_mem = '{memory}'; SET LOCAL maintenance_work_mem = '{memory}'; SET LOCAL enable_seqscan = on;
        SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL synchronous_commit = off
    """


def ddl(statement: ExecutableDDLElement) -> str:
    """The text of the statement."""
    return str(statement.compile(dialect=PGDialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so


async def run_on(connections: Sequence[OwnConnection], jobs: Iterable[Job]) -> None:
    """Each connection takes the next job when it is free. Raises what one raises."""
    waiting = iter(jobs)

    async def take(connection: OwnConnection) -> None:
        for job in waiting:
            await job(connection)

    await asyncio.gather(*map(take, connections))
