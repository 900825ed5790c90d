"""Compares logs with what was sealed, again and again, for a process that derives from them."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from services.audit import comparison_progress, sealed_log
from services.audit.database import OwnConnection, connect
from services.audit.extension_check import Anchor, Compared, ExtensionCheck, anchors, compare_tiles
from services.audit.files_beside_database import KeyDirectory
from services.audit.sealed_log import LogName
from services.audit.settings import AuditSettings
from services.web.database_connections import terminating
from services.web.log_check import LogAltered
from services.web.statements import statements

INTERVAL_SECONDS: Final = 1.0
"""Between two checks of new checkpoints."""
RECHECKED_TILES: Final = 8
"""Tiles of 256 entries that each check hashes again: some two thousand entries a second, some 1 % of a core."""

KEEP_SECONDS: Final = 60.0
"""Between two times that it keeps how far it is."""

DERIVED_FROM: Final = (LogName.FACTS, LogName.COMPLIANCE)
"""The logs from which something is derived. Nothing is derived from claims."""

_TABLES: Final = {
    LogName.FACTS: "certification.stored_events",
    LogName.COMPLIANCE: "compliance_event",
    LogName.CLAIMS: "audit.claim",
}
_SQL: Final = statements(Path(__file__).with_name("table_states"))

_log: Final = logging.getLogger(__name__)


class AlterationWatch:
    """Hashes `logs` whole at first, and again whenever their tables were changed or replaced.

    In between it hashes what is newly sealed, and the rest little by little. It has its own connection, so that
    hashing a long log blocks nothing else. `resumes`: it goes on from where another process was, if nobody
    has changed anything.
    """

    def __init__(
        self, settings: AuditSettings, *, resumes: bool = False, logs: Collection[LogName] = DERIVED_FROM
    ) -> None:
        self._settings = settings
        self._resumes = resumes
        self._tables = {log: _TABLES[log] for log in logs}
        self._directory = KeyDirectory(settings.directory)
        self._connection: OwnConnection | None = None
        self._checks: dict[LogName, _LogCheck] = {}
        self._next_check_at = float("-inf")

    @property
    def sizes(self) -> dict[str, int]:
        """Up to which size each log was compared."""
        return {str(log): check.extension.size for log, check in self._checks.items()}

    async def compare(self) -> None:
        """Compares the logs. Raises `LogAltered`, and what a lost connection raises."""
        connection = await self._connected()
        try:
            now = asyncio.get_running_loop().time()
            states = await connection.fetch(_SQL["table_states"], list(self._tables.values()))
            for log, state in zip(self._tables, states, strict=True):
                await self._compare(connection, log, state, due=now >= self._next_check_at)
            if now >= self._next_check_at:
                self._next_check_at = asyncio.get_running_loop().time() + INTERVAL_SECONDS
        except BaseException:
            await self.close()
            raise

    async def _compare(self, connection: OwnConnection, log: LogName, state: Any, *, due: bool) -> None:
        check = self._checks.get(log)
        if check is not None and check.state == state and not due:
            return
        origin = (await sealed_log.log_head(connection, log)).origin
        if check is None or check.state != state or check.origin != origin:
            resumed = self._resumed(log, origin, state)
            self._checks.pop(log, None)
            check = _LogCheck(log, origin, state, resumed)
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
            (state,) = await connection.fetch(_SQL["table_states"], [_TABLES[log]])
            await self._compare(connection, log, state, due=True)
        else:
            self._checks[log] = check
            await self._keep(log, check)

    def _resumed(self, log: LogName, origin: str, state: Any) -> Compared | None:
        """What another process compared before this one started."""
        if not self._resumes or state is None or log in self._checks:
            return None
        return comparison_progress.kept(self._directory, log, origin, state)

    async def _keep(self, log: LogName, check: "_LogCheck") -> None:
        now = asyncio.get_running_loop().time()
        if self._resumes and check.state is not None and now >= check.keep_at:
            check.keep_at = now + KEEP_SECONDS
            compared = check.extension.compared
            await asyncio.to_thread(comparison_progress.keep, self._directory, log, check.origin, check.state, compared)

    async def compare_tiles(self) -> None:
        """Compares the stored tiles of the logs, as far as they were compared. Raises `LogAltered`."""
        connection = await self._connected()
        for check in self._checks.values():
            await check.extension.compare_tiles(connection)

    async def compare_facts(self) -> None:
        """Compares the log of facts, whole, with what was sealed. Raises `LogAltered`."""
        await self._compare_whole(LogName.FACTS, self._settings)

    async def compare_events(self, schema: str) -> None:
        """Compares the compliance log in this schema, whole, with what was sealed. Raises `LogAltered`."""
        await self._compare_whole(LogName.COMPLIANCE, self._settings.model_copy(update={"database_schema": schema}))

    async def _compare_whole(self, log: LogName, settings: AuditSettings) -> None:
        async with terminating(connect(settings)) as connection:
            origin = (await sealed_log.log_head(connection, log)).origin
            witnessed = await _witnessed(settings, log, origin)
            sealed = await anchors(connection, log, self._directory, sandbox=settings.sandbox, witnessed=witnessed)
            await ExtensionCheck(log).extend(connection, sealed)

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

    def __init__(self, log: LogName, origin: str, state: Any, resumed: Compared | None) -> None:
        self.extension = ExtensionCheck(log, resumed)
        self.origin = origin
        self.state = state
        self.keep_at = float("-inf")


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
    """Compares the logs `DERIVED_FROM` with what was sealed, as far as that reads no entry. Raises `LogAltered`."""
    async with terminating(connect(settings)) as connection:
        for log in DERIVED_FROM:
            await compare_tiles(connection, log, KeyDirectory(settings.directory), sandbox=settings.sandbox)
