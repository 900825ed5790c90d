"""Loads for many callers in one statement: callers that arrive during one share the next."""

import asyncio
from collections.abc import Iterable, Sequence
from contextvars import Context
from typing import Any, Final

import asyncpg

from services.certification.domain.refusals import Unavailable
from services.certification.event_store.database import Database

GROUP_MAX: Final = 64
"""Calls in one statement; more wait for the next."""

STOPS: Final = "The service stops."

Row = Iterable[Any]


class GroupLoads:
    """Loads by one statement of array parameters, whose rows begin with the number of their call, from 1.

    Belongs to one event loop. Every call has at least one row.
    """

    def __init__(self, database: Database, statement: str) -> None:
        self._database = database
        self._statement = statement
        self._waiting: list[tuple[Sequence[object], asyncio.Future[list[Row]]]] = []
        self._loading: asyncio.Task[None] | None = None

    async def load(self, *parameters: object) -> list[Row]:
        """The rows of this call, without its number. Raises `Unavailable`, and the error of the database."""
        answer: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        self._waiting.append((parameters, answer))
        if self._loading is None:
            # In a context of its own: it loads for many callers, and takes its turn as none of them.
            self._loading = asyncio.create_task(self._load_all(), context=Context())
        return await answer

    async def close(self) -> None:
        """Fails the waiting callers."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait([self._loading])

    async def _load_all(self) -> None:
        """Loads group after group until no caller waits."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
                await self._load([call for call in group if not call[1].done()])
        finally:
            for _, answer in self._waiting:  # where it is cancelled
                _fail(answer, Unavailable(STOPS))
            self._loading = None

    async def _load(self, group: Sequence[tuple[Sequence[object], asyncio.Future[list[Row]]]]) -> None:
        if not group:
            return
        try:
            rows = await self._database.select(
                self._statement, *map(list, zip(*(call for call, _ in group), strict=True))
            )
        except asyncpg.PostgresError as error:
            if len(group) == 1:
                _fail(group[0][1], error)
            else:  # a bad call fails alone
                for call in group:
                    await self._load([call])
        except Exception as error:
            for _, answer in group:
                _fail(answer, error)
        except asyncio.CancelledError:
            for _, answer in group:
                _fail(answer, Unavailable(STOPS))
            raise
        else:
            for (_, answer), found in zip(group, _by_call(rows, len(group)), strict=True):
                if not answer.done():
                    answer.set_result(found)


def _by_call(rows: Iterable[Row], calls: int) -> list[list[Row]]:
    found: list[list[Row]] = [[] for _ in range(calls)]
    for number, *row in rows:
        found[number - 1].append(row)
    return found


def _fail(answer: asyncio.Future[list[Row]], error: Exception) -> None:
    """Hands the error to the caller, if it still waits."""
    if not answer.done():
        answer.set_exception(error)
