"""Asks the configured witnesses for their cosignatures of the latest checkpoints."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from services.audit import sealed_log
from services.audit.database import Connection, connect
from services.audit.sealed_log import LogName, StoredCheckpoint
from services.audit.settings import AuditSettings
from services.audit.tiles import consistency_ranges
from services.audit.witness_client import WitnessAddress, WitnessError, cosignature
from services.web.database_connections import terminating

PAUSE_SECONDS: Final = 5.0
"""Before a witness that did not answer is asked again."""

_log: Final = logging.getLogger(__name__)


class WitnessRounds:
    """Each witness cosigns the latest checkpoint of each log; one that is away catches up later.

    Nobody waits for a witness: neither the sealer nor another witness.
    """

    def __init__(self, connection: Connection, session: aiohttp.ClientSession, settings: AuditSettings) -> None:
        self._connection = connection
        self._session = session
        self._witnesses = addresses(settings)
        self._asking: dict[tuple[LogName, WitnessAddress], asyncio.Task[None]] = {}
        self._away_until: dict[tuple[LogName, WitnessAddress], float] = {}
        self._turn = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def running(cls, settings: AuditSettings) -> "AsyncIterator[WitnessRounds]":
        """With a client for them, and a connection of its own."""
        async with terminating(connect(settings)) as connection, aiohttp.ClientSession() as session:
            rounds = cls(connection, session, settings)
            try:
                yield rounds
            finally:
                for task in rounds._asking.values():
                    task.cancel()
                await asyncio.gather(*rounds._asking.values(), return_exceptions=True)

    async def ask(self, log: LogName, latest: StoredCheckpoint | None) -> None:
        """Asks those who owe no answer, and does not wait for it. Raises what went wrong since it asked last."""
        for asked in [asked for asked, task in self._asking.items() if task.done()]:
            self._asking.pop(asked).result()
        if latest is None:
            return
        now = asyncio.get_running_loop().time()
        for witness in self._witnesses:
            asked = log, witness
            if asked not in self._asking and self._away_until.get(asked, now) <= now:
                self._asking[asked] = asyncio.create_task(self._ask(log, witness, latest))

    async def answered(self) -> None:
        """Waits until everybody who was asked has answered, or has not in time. Raises what went wrong."""
        while self._asking:
            await asyncio.wait(self._asking.values())
            for asked in [asked for asked, task in self._asking.items() if task.done()]:
                self._asking.pop(asked).result()

    async def _ask(self, log: LogName, witness: WitnessAddress, latest: StoredCheckpoint) -> None:
        async def proof(old_size: int) -> list[bytes]:
            async with self._turn:
                return await sealed_log.roots(self._connection, log, consistency_ranges(old_size, latest.size))

        async with self._turn:
            size = await sealed_log.cosigned_size(self._connection, log, witness.key)
        if size >= latest.size:
            return
        try:
            line = await cosignature(self._session, witness, latest.note, size, proof)
        except WitnessError as problem:
            self._away_until[log, witness] = asyncio.get_running_loop().time() + PAUSE_SECONDS
            _log.warning("%s", problem)
            return
        async with self._turn:
            await sealed_log.store_cosignature(self._connection, log, latest.size, witness.key, line)


def addresses(settings: AuditSettings) -> list[WitnessAddress]:
    """The witnesses that are configured."""
    return [
        WitnessAddress(key, str(witness.url).rstrip("/"))
        for key, witness in zip(settings.witness_keys, settings.witnesses, strict=True)
    ]
