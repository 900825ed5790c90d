"""Asks the configured witnesses for their cosignatures of the latest checkpoints."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from services.audit import sealed_log
from services.audit.database import Connection
from services.audit.sealed_log import LogName, StoredCheckpoint
from services.audit.settings import AuditSettings
from services.audit.tiles import consistency_ranges
from services.audit.witness_client import WitnessAddress, WitnessError, cosignature

PAUSE_SECONDS: Final = 5.0
"""Before a witness that did not answer is asked again."""

_log: Final = logging.getLogger(__name__)


class WitnessRounds:
    """Each witness cosigns the latest checkpoint of each log; one that is away catches up later."""

    def __init__(self, connection: Connection, session: aiohttp.ClientSession, settings: AuditSettings) -> None:
        self._connection = connection
        self._session = session
        self._witnesses = addresses(settings)
        self._away_until: dict[tuple[LogName, WitnessAddress], float] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls, connection: Connection, settings: AuditSettings) -> "AsyncIterator[WitnessRounds]":
        """With a client for them."""
        async with aiohttp.ClientSession() as session:
            yield cls(connection, session, settings)

    async def ask(self, log: LogName, latest: StoredCheckpoint | None) -> None:
        """Asks all at once; keeps what they sign."""
        if latest is None:
            return
        now = asyncio.get_running_loop().time()
        due = [witness for witness in self._witnesses if self._away_until.get((log, witness), now) <= now]
        known = [await sealed_log.cosigned_size(self._connection, log, witness.key) for witness in due]
        behind = [(witness, size) for witness, size in zip(due, known, strict=True) if size < latest.size]
        lock = asyncio.Lock()

        async def proof(old_size: int) -> list[bytes]:
            async with lock:
                return await sealed_log.roots(self._connection, log, consistency_ranges(old_size, latest.size))

        answers = await asyncio.gather(
            *(cosignature(self._session, witness, latest.note, size, proof) for witness, size in behind),
            return_exceptions=True,
        )
        for (witness, _), answer in zip(behind, answers, strict=True):
            if isinstance(answer, WitnessError):
                self._away_until[log, witness] = asyncio.get_running_loop().time() + PAUSE_SECONDS
                _log.warning("%s", answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                await sealed_log.store_cosignature(self._connection, log, latest.size, witness.key, answer)


def addresses(settings: AuditSettings) -> list[WitnessAddress]:
    """The witnesses that are configured."""
    return [
        WitnessAddress(key, str(witness.url).rstrip("/"))
        for key, witness in zip(settings.witness_keys, settings.witnesses, strict=True)
    ]
