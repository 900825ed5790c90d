"""The products that the filters of pages offer."""

import asyncio
from typing import Final

from services.console.service_questions import Questions

KEPT_SECONDS: Final = 10.0
"""How long they are kept: they change when the services are started with others."""


class SoldProducts:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._products: tuple[str, ...] = ()
        self._kept_until = 0.0

    async def of(self, ask: Questions) -> tuple[str, ...]:
        """The products in order; none where the services do not say. Raises `SignedOut`."""
        now = asyncio.get_running_loop().time()
        if now >= self._kept_until:
            running = (await ask.panel("/compliance/v1/processes")).data  # no history is replayed for it
            if running is None:
                return ()
            self._products, self._kept_until = tuple(running["products"]), now + KEPT_SECONDS
        return self._products
