"""Keeps comparing both logs with what was sealed, for a process that derives from them."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from services.audit import sealed_log
from services.audit.database import OwnConnection, connect
from services.audit.extension import Anchor, ExtensionCheck, anchors, compare_tiles
from services.audit.key_directory import KeyDirectory
from services.audit.sealed_log import LogName
from services.audit.settings import AuditSettings
from services.web.log_check import LogAltered
from services.web.statements import statements

INTERVAL_SECONDS: Final = 1.0
"""Between two looks at new checkpoints."""
RECHECKED_TILES: Final = 8
"""Tiles of 256 entries that each look hashes again: some two thousand entries a second, about a hundredth of a core."""

_TABLES: Final = {LogName.FACTS: "certification.stored_events", LogName.COMPLIANCE: "compliance_event"}
_SQL: Final = statements(__file__)

_log: Final = logging.getLogger(__name__)


class StandingCheck:
    """Hashes both logs whole at first, and again whenever their tables were changed or replaced.

    In between it hashes what is newly sealed, and the rest little by little. It has a connection of its own: hashing a
    long log holds nobody up.
    """

    def __init__(self, settings: AuditSettings) -> None:
        self._settings = settings
        self._directory = KeyDirectory(settings.directory)
        self._connection: OwnConnection | None = None
        self._checks: dict[LogName, _LogCheck] = {}
        self._next_look = float("-inf")

    @property
    def sizes(self) -> dict[str, int]:
        """Up to which size each log was compared."""
        return {str(log): check.extension.size for log, check in self._checks.items()}

    async def compare(self) -> None:
        """Compares both logs. Raises `LogAltered`, and what a lost connection raises."""
        connection = await self._connected()
        try:
            now = asyncio.get_running_loop().time()
            for log in LogName:
                await self._compare(connection, log, look=now >= self._next_look)
            if now >= self._next_look:
                self._next_look = asyncio.get_running_loop().time() + INTERVAL_SECONDS
        except BaseException:
            await self.close()
            raise

    async def _compare(self, connection: OwnConnection, log: LogName, *, look: bool) -> None:
        state = await connection.fetchrow(_SQL["table_state"], _TABLES[log])
        check = self._checks.get(log)
        if check is not None and check.state == state and not look:
            return
        origin = (await sealed_log.log_head(connection, log)).origin
        if check is None or check.state != state or check.origin != origin:
            self._checks.pop(log, None)
            check = _LogCheck(log, origin, state)
            witnessed = await _witnessed(self._settings, log, origin)
        else:
            witnessed = []
        sealed = await anchors(connection, log, self._directory, sandbox=self._settings.sandbox, witnessed=witnessed)
        try:
            await check.extension.extend(connection, sealed)
            await check.extension.recheck(connection, RECHECKED_TILES)
        except LogAltered:
            if (await sealed_log.log_head(connection, log)).origin == origin:
                raise
            self._checks.pop(log, None)  # a sandbox was emptied meanwhile: this is another log
            await self._compare(connection, log, look=True)
        else:
            self._checks[log] = check

    async def compare_facts(self) -> None:
        """Compares the log of facts, whole, with what was sealed. Raises `LogAltered`."""
        await self._compare_whole(LogName.FACTS, self._settings)

    async def compare_events(self, schema: str) -> None:
        """Compares the compliance log in this schema, whole, with what was sealed. Raises `LogAltered`."""
        await self._compare_whole(LogName.COMPLIANCE, self._settings.model_copy(update={"database_schema": schema}))

    async def _compare_whole(self, log: LogName, settings: AuditSettings) -> None:
        connection = await connect(settings)
        try:
            origin = (await sealed_log.log_head(connection, log)).origin
            witnessed = await _witnessed(settings, log, origin)
            sealed = await anchors(connection, log, self._directory, sandbox=settings.sandbox, witnessed=witnessed)
            await ExtensionCheck(log).extend(connection, sealed)
        finally:
            connection.terminate()

    async def close(self) -> None:
        """Gives its connection up; what was compared stays known."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.terminate()

    async def _connected(self) -> OwnConnection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._settings)
        return self._connection


class _LogCheck:
    """A log as it was compared. `state`: that of its table at that time."""

    def __init__(self, log: LogName, origin: str, state: Any) -> None:
        self.extension = ExtensionCheck(log)
        self.origin = origin
        self.state = state


async def _witnessed(settings: AuditSettings, log: LogName, origin: str) -> Sequence[Anchor]:
    """What the witnesses have cosigned. One that does not answer is left out, with a warning."""
    if not settings.witnesses:
        return []
    import aiohttp

    from services.audit.witness_client import WitnessError, witnessed
    from services.audit.witness_rounds import addresses

    found = []
    async with aiohttp.ClientSession() as session:
        for witness in addresses(settings):
            try:
                checkpoint = await witnessed(session, witness, origin)
            except WitnessError as problem:
                _log.warning("the log of %s is not compared with a witness: %s", log, problem)
                continue
            if checkpoint is not None:
                found.append(Anchor(checkpoint, f"the witness {witness.key.name}"))
    return found


async def refuse_altered_logs(settings: AuditSettings) -> None:
    """Compares both logs with what was sealed, as far as that takes no look at the entries. Raises `LogAltered`."""
    connection = await connect(settings)
    try:
        for log in LogName:
            await compare_tiles(connection, log, KeyDirectory(settings.directory), sandbox=settings.sandbox)
    finally:
        connection.terminate()
