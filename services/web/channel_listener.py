"""Wakes all waiters at each notification of a channel."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from services.web.database_connections import CONNECTION_LOST, terminating
from services.web.reconnect import Backoff, keep_connected
from services.web.wakeup import Wakeup

_log: Final = logging.getLogger(__name__)


class ChannelListener(Wakeup):
    """Listens on one connection for all waiters. A lost notification does no harm: the waiters also poll.

    `connect`: opens the connection. Belongs to one event loop.
    """

    def __init__(self, channel: str, connect: Callable[[], Awaitable[Any]]) -> None:
        super().__init__()
        self._channel = channel
        self._connect = connect

    async def listen(self) -> None:
        """Listens until cancelled, through lost connections."""
        await keep_connected(self._listen, self._failed)

    async def _listen(self, backoff: Backoff) -> None:
        async with terminating(self._connect(), {self._channel: lambda *_: self.wake()}) as connection:
            gone = asyncio.Event()
            connection.add_termination_listener(lambda _: gone.set())
            backoff.reset()
            await gone.wait()

    def _failed(self, problem: Exception, _: Backoff) -> None:
        if not isinstance(problem, CONNECTION_LOST):
            raise problem
        _log.warning("a connection for the channel %s is lost; reconnecting: %r", self._channel, problem)
