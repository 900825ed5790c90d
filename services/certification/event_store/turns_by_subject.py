"""Calls about one subject take turns in order of arrival, so that they do not race each other."""

import asyncio
from typing import Final

from services.certification.domain.refusals import Overloaded

WAITING_MAX: Final = 256
"""The most calls that wait for their turn on one subject; more are refused."""


class Turns:
    """The turns of one event loop. Between processes, the conditions of the append decide."""

    def __init__(self) -> None:
        self._subjects: dict[str, _Subject] = {}

    def of(self, subject: str) -> "Turn":
        """The caller's turn, as `async with`."""
        return Turn(self._subjects, subject)


class _Subject:
    """`callers`: those who have their turn or wait for it."""

    __slots__ = ("callers", "lock")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.callers = 0


class Turn:
    """Waits until every earlier call is done. Raises `Overloaded` if too many wait."""

    __slots__ = ("_found", "_subject", "_subjects")

    def __init__(self, subjects: dict[str, _Subject], subject: str) -> None:
        self._subjects = subjects
        self._subject = subject

    async def __aenter__(self) -> None:
        found = self._subjects.get(self._subject)
        if found is None:
            found = self._subjects[self._subject] = _Subject()
        if found.callers > WAITING_MAX:
            raise Overloaded(f"More than {WAITING_MAX} calls about the same subject wait for their turn.")
        self._found = found
        found.callers += 1
        try:
            await found.lock.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._found.lock.release()
        self._leave()

    def _leave(self) -> None:
        self._found.callers -= 1
        if not self._found.callers:
            del self._subjects[self._subject]
