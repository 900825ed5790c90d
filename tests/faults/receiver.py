"""Receivers of webhooks, in a thread of their own, and what they were sent. Imports nothing of the system."""

import asyncio
import json
import threading
import time
from random import Random
from typing import Any, Final, NamedTuple

from aiohttp import web

UNWELL: Final = 0.004
"""How often a receiver answers that it cannot take a message now, or breaks the connection after it took one.

The next attempt comes five seconds later at the earliest; meanwhile, a second brings some twenty messages.
"""


class Delivered(NamedTuple):
    """One message that came. `taken`: whether the receiver said so; the reply may have been lost."""

    endpoint: str
    request: int
    taken: bool
    message: dict[str, Any]
    came: float


class Receivers:
    """One path for each endpoint, on one port."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"{seed} receivers")
        self._requests = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self.delivered: list[Delivered] = []
        self.port = 0
        self.losing = False
        """Whether every reply is lost."""
        self.refusing = False
        """Whether every message is refused."""

    def start(self) -> None:
        """Listens."""
        threading.Thread(target=self._run, daemon=True).start()
        self._ready.wait()

    def stop(self) -> None:
        """Ends."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._loop.run_forever()

    async def _listen(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/{endpoint}", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        self._ready.set()

    async def _receive(self, request: web.Request) -> web.Response:
        content = json.loads(await request.read())
        self._requests += 1
        chance = self._random.random()
        taken = chance >= UNWELL / 2 and not self.refusing
        endpoint = request.match_info["endpoint"]
        for message in content if isinstance(content, list) else [content]:
            self.delivered.append(Delivered(endpoint, self._requests, taken, message, time.monotonic()))
        if not taken:
            return web.Response(status=503, headers={"Retry-After": "1"})
        if (chance < UNWELL or self.losing) and request.transport is not None:
            request.transport.abort()
        return web.Response()
