"""Waiting for the projection: one connection listens for all waiting callers."""

import asyncio
import logging
from typing import Final

from services.compliance.database import CONNECTION_LOST, connect
from services.compliance.settings import ComplianceSettings
from services.web.reconnect import Backoff, keep_connected
from services.web.wakeup import Wakeup
from shared.events.channels import COMPLIANCE_CHANNEL

_log: Final = logging.getLogger(__name__)


class ProjectionListener(Wakeup):
    """Wakes waiting callers whenever the projection advances."""

    def __init__(self, settings: ComplianceSettings) -> None:
        super().__init__()
        self._settings = settings

    async def listen(self) -> None:
        """Listens until cancelled, through lost connections."""
        await keep_connected(self._listen, _failed)

    async def _listen(self, backoff: Backoff) -> None:
        connection = await connect(self._settings)
        try:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(COMPLIANCE_CHANNEL, lambda *_: self.wake())
            backoff.reset()
            await lost.wait()
        finally:
            connection.terminate()


def _failed(problem: Exception, _: Backoff) -> None:
    if not isinstance(problem, CONNECTION_LOST):
        raise problem
    _log.warning("the projection listener lost its connection and reconnects: %r", problem)
