"""Several threads' calls appended in one statement.

The first thread to come leads: it sends what waits, its own call included, and answers everybody. Whoever comes
meanwhile waits; then the first of them leads. Alone, a thread sends at once and nothing is added.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from services.certification.event_store.calls import Outcome
from services.certification.event_store.deadline import DID_NOT_ANSWER, seconds_left
from services.certification.refusals import Unavailable

GROUP_MAX: Final = 256
"""Calls in one statement; more wait for the next."""


class _Waiting:
    """One thread's call. `turn` is set when it is answered, or when it is to lead."""

    def __init__(self, call: bytes) -> None:
        self.call = call
        self.turn = threading.Event()
        self.answer: Outcome | Exception | None = None


class GroupCommit:
    """Groups the calls of threads.

    `send` appends encoded calls and answers an outcome or error for each, in order.
    """

    def __init__(self, send: Callable[[Sequence[bytes]], Sequence[Outcome | Exception]]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._led = False

    def append(self, call: bytes) -> Outcome:
        """What became of the call. Raises what `send` raises or answers, and `Unavailable` when the deadline passes."""
        mine = _Waiting(call)
        with self._lock:
            self._waiting.append(mine)
            leads, self._led = not self._led, True
        if not leads:
            self._wait(mine)
        if mine.answer is None:
            self._lead()
        assert mine.answer is not None, "whoever leads is in the group"
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    def _wait(self, mine: _Waiting) -> None:
        """Until answered or to lead. Who gives up leaves the queue; a call already sent may still be recorded."""
        if mine.turn.wait(seconds_left()):
            return
        with self._lock:
            if mine.turn.is_set():
                return
            if mine in self._waiting:
                self._waiting.remove(mine)
        mine.answer = Unavailable(DID_NOT_ANSWER)

    def _lead(self) -> None:
        with self._lock:
            group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
        try:
            for waiting, answer in zip(group, self._send([each.call for each in group]), strict=True):
                waiting.answer = answer
        except Exception as error:
            for waiting in group:
                waiting.answer = error
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._led = following is not None
                if following is not None:
                    following.turn.set()
            for waiting in group:
                waiting.turn.set()
