"""Begins calls in turn, so that a thousand at once delay the next caller by a few of them, not by all of them.

What a call does before it first waits, such as reading its body, takes milliseconds of the event loop at most. Of very
many that arrive together each would wait for all before it.
"""

import asyncio
from collections import deque
from heapq import heappop, heappush
from itertools import count
from time import perf_counter
from typing import Final, NamedTuple

ROUND_SECONDS: Final = 0.003
"""Calls begin one after the other for so long before the event loop turns to everything else."""
WOKEN_AT_ONCE: Final = 16
"""Waiting calls that may begin in one round, if there is time."""
WAITING_MAX: Final = 1_000
"""Calls of one lane that wait."""
WAIT_SECONDS_MAX: Final = 5.0


class Lane(NamedTuple):
    """Calls of one caller that take turns with its other lanes, as the caller does with other callers.

    `kind`: what they ask for. `heavy`: what they bring takes long to read.
    """

    caller: str
    heavy: bool
    kind: str = ""


class CallerTurns:
    """Belongs to one event loop. A call begins at once while there is time in a round.

    Otherwise callers take turns, and so do the lanes of each.
    """

    def __init__(self) -> None:
        self._waiting: dict[Lane, list[tuple[int, asyncio.Future[None]]]] = {}
        self._last_begun: dict[Lane | str, int] = {}
        self._tickets = count()
        self._woken = 0
        self._began: float | None = None
        self._round_ends = False

    async def take(self, lane: Lane) -> bool:
        """Returns once the call may begin; False: too many of its lane wait, or it waited too long."""
        if not self._waiting and not self._woken and self._has_time():
            return True
        if len(self._waiting.get(lane, ())) >= WAITING_MAX:
            return False
        ticket = next(self._tickets)
        try:
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                await self._wait(lane, ticket)
                while not self._has_time():
                    await self._wait(lane, ticket)
        except TimeoutError:
            return False
        if self._waiting or self._woken:
            self._last_begun[lane] = self._last_begun[lane.caller] = next(self._tickets)
        return True

    def _has_time(self) -> bool:
        """Whether another call may begin in this round; the first always may."""
        now = perf_counter()
        if self._began is None:
            self._began = now
            self._end_round_soon()
        return now - self._began < ROUND_SECONDS

    async def _wait(self, lane: Lane, ticket: int) -> None:
        """Returns once a round has woken the call. A new call does not begin before it."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting.setdefault(lane, []), (ticket, woken))
        self._end_round_soon()
        try:
            await woken
        finally:
            if woken.done() and not woken.cancelled():
                self._woken -= 1

    def _end_round_soon(self) -> None:
        if not self._round_ends:
            self._round_ends = True
            asyncio.get_running_loop().call_soon(self._end_round)

    def _end_round(self) -> None:
        """Wakes the first calls of each caller, by turns, and of its lanes likewise, whose turn is longest ago first.

        Who finds no time left waits on, before all others of its lane.
        """
        self._began, self._round_ends = None, False
        lanes: dict[str, deque[Lane]] = {}
        for lane in sorted(self._waiting, key=self._last_turn):
            lanes.setdefault(lane.caller, deque()).append(lane)
        callers = sorted(lanes, key=self._last_turn)
        while callers and self._woken < WOKEN_AT_ONCE:
            for caller in callers:
                lane = lanes[caller].popleft()
                _, waiting = heappop(self._waiting[lane])
                if not waiting.done():
                    waiting.set_result(None)
                    self._woken += 1
                if self._waiting[lane]:
                    lanes[caller].append(lane)
            callers = [caller for caller in callers if lanes[caller]]
        self._waiting = {lane: calls for lane, calls in self._waiting.items() if calls}
        if self._waiting:
            self._end_round_soon()
        elif not self._woken:
            self._last_begun.clear()

    def _last_turn(self, name: Lane | str) -> int:
        """When it last began, of a lane or a caller; -1: not while others waited."""
        return self._last_begun.get(name, -1)
