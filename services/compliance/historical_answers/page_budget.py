"""The limit on the work for one page of a list that is derived from the log."""

import asyncio
from typing import Final

_TRIED_MAX: Final = 2_000
"""A page ends after this number of partners or people, however few of them it lists."""
PAGE_SECONDS_MAX: Final = 3.0
"""A page ends after so much work; the next one goes on from there."""

ALL_PRODUCTS: Final = "~"
"""In a cursor: after every product of the partner or person."""


class PageBudget:
    """How much work a page may be."""

    def __init__(self) -> None:
        self._tried = 0
        self._clock = asyncio.get_running_loop().time
        self._until = self._clock() + PAGE_SECONDS_MAX

    def spent(self) -> bool:
        """Counts one more partner or person; whether the page is to end."""
        self._tried += 1
        return self._tried >= _TRIED_MAX or self._clock() >= self._until
