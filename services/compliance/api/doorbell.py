"""Waiting for the projection: one connection listens for all who wait."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from services.compliance.database import CONNECTION_LOST, connect
from services.compliance.settings import ComplianceSettings

COMPLIANCE_CHANNEL: Final = "sagecert_compliance"
POLL_SECONDS: Final = 0.1
"""How long an advance of the projection can stay unseen when its notification was lost."""
_BACKOFF_SECONDS: Final = 0.5

_log: Final = logging.getLogger(__name__)


class Doorbell:
    """Rings whenever the projection has advanced."""

    def __init__(self, settings: ComplianceSettings) -> None:
        self._settings = settings
        self._rung = asyncio.Event()

    def ring(self, *_: object) -> None:
        """Wakes everybody who waits. From the same event loop; the projection notifies `sagecert_compliance`."""
        self._rung.set()
        self._rung = asyncio.Event()

    def next_ring(self) -> asyncio.Event:
        """What the next ring sets. Take it before looking, so that a ring meanwhile is not missed."""
        return self._rung

    async def wait(self, ring: asyncio.Event, seconds_max: float) -> None:
        """Until that ring, or until it is time to look anyway."""
        with suppress(TimeoutError):
            await asyncio.wait_for(ring.wait(), min(seconds_max, POLL_SECONDS))

    async def listen(self) -> None:
        """Listens until cancelled, through lost connections."""
        while True:
            try:
                connection = await connect(self._settings)
                try:
                    gone = asyncio.Event()
                    connection.add_termination_listener(lambda _, gone=gone: gone.set())
                    await connection.add_listener(COMPLIANCE_CHANNEL, self.ring)
                    await gone.wait()
                finally:
                    connection.terminate()
            except CONNECTION_LOST as problem:
                _log.warning("the doorbell lost its connection and makes a new one: %r", problem)
            await asyncio.sleep(_BACKOFF_SECONDS)
