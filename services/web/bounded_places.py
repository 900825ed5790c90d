"""Limits calls that last long: a bounded number of places, of which one caller never takes all."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class Places:
    """Belongs to one event loop. `places_max`: in all. `per_caller_max`: for one caller, so that others have room."""

    def __init__(self, places_max: int, per_caller_max: int) -> None:
        self._places_max = places_max
        self._per_caller_max = per_caller_max
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken.total()

    def take(self, caller: str, number: int = 1) -> Callable[[], None] | None:
        """Takes places at once; the result gives them back, and is called once. None: too few are free for it."""
        if self.taken + number > self._places_max or self._taken[caller] + number > self._per_caller_max:
            return None
        self._taken[caller] += number

        def give_back() -> None:
            self._taken[caller] -= number
            if not self._taken[caller]:
                del self._taken[caller]

        return give_back


class PlacedStream(StreamingResponse):
    """An answer in parts. It gives its place back when it ends, for any reason."""

    def __init__(self, parts: AsyncIterator[bytes], give_back: Callable[[], None], **more: Any) -> None:
        super().__init__(parts, **more)
        self._give_back = give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a call."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()
