"""Waiting for the projection: one connection listens for all who wait."""

import asyncio
import logging
from typing import Final

from services.compliance.database import CONNECTION_LOST, connect
from services.compliance.read_model.checkpoint import COMPLIANCE_CHANNEL
from services.compliance.settings import ComplianceSettings
from services.web.wakeup import Wakeup

_BACKOFF_SECONDS: Final = 0.5

_log: Final = logging.getLogger(__name__)


class ProjectionListener(Wakeup):
    """Rings whenever the projection has advanced: it notifies `sagecert_compliance`."""

    def __init__(self, settings: ComplianceSettings) -> None:
        super().__init__()
        self._settings = settings

    async def listen(self) -> None:
        """Listens until cancelled, through lost connections."""
        while True:
            try:
                connection = await connect(self._settings)
                try:
                    gone = asyncio.Event()
                    connection.add_termination_listener(lambda _, gone=gone: gone.set())
                    await connection.add_listener(COMPLIANCE_CHANNEL, lambda *_: self.wake())
                    await gone.wait()
                finally:
                    connection.terminate()
            except CONNECTION_LOST as problem:
                _log.warning("the doorbell lost its connection and makes a new one: %r", problem)
            await asyncio.sleep(_BACKOFF_SECONDS)
