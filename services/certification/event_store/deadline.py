"""Deadlines of calls, which hold even against a frozen server.

A frozen server keeps its sockets open: neither `statement_timeout` nor a broken connection ends the wait. So the
wait itself is cancelled at the deadline.
"""

import asyncio
from types import TracebackType
from typing import Final, Self

from services.certification.domain.refusals import Unavailable

DID_NOT_ANSWER: Final = "The database did not answer in time. Asking again with the same key is safe."


class Deadline:
    """Bounds what is awaited inside `async with`; raises `Unavailable` once `when` has passed, by the loop's clock."""

    __slots__ = ("_timeout", "when")

    def __init__(self, when: float) -> None:
        self.when = when
        self._timeout = asyncio.timeout_at(when)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise Unavailable(DID_NOT_ANSWER) from None


def reraise_if_cancelled(error: BaseException) -> None:
    """Raises `CancelledError` when the driver has turned a cancellation of the task into another error."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error
