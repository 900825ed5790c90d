"""The connection that appends groups of calls, kept open with its statement prepared."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import asyncpg

from services.certification.event_store.append_request import Outcome
from services.certification.event_store.database import Connection, Database
from services.web.refusal import engine_not_installed

Statement: TypeAlias = "asyncpg.prepared_stmt.PreparedStatement[asyncpg.Record]"

_APPEND: Final = "SELECT outcome, fact_id, position, recorded_at FROM certification.append($1, $2)"
_OTHER_ENGINE: Final = "CE001"


class AppendConnection:
    """Connects on first use, and again after an error. Sends one group at a time.

    `engine_id`: by which engine the calls are decided; None: whichever is installed.
    """

    def __init__(self, database: Database, engine_id: str | None = None) -> None:
        self._database = database
        self._engine_id = engine_id
        self._connection: Connection | None = None
        self._append: Statement | None = None

    async def send(self, calls: Sequence[bytes]) -> list[Outcome]:
        """Appends a group of calls, each encoded as JSON, and returns the outcome of each.

        After one of `TRANSIENT_ERRORS`, or a cancellation, the calls may or may not be stored: send them again to know.
        Raises `EngineNotInstalled`.
        """
        try:
            if self._append is None:
                self._connection = await self._database.connect()
                self._append = await self._connection.prepare(_APPEND)
            rows = await self._append.fetch(f"[{b','.join(calls).decode()}]", self._engine_id)
        except BaseException as error:
            self.close()
            if isinstance(error, asyncpg.PostgresError) and error.sqlstate == _OTHER_ENGINE:
                raise engine_not_installed(str(error), self._engine_id or "") from None
            raise
        return [Outcome(*row) for row in rows]

    def close(self) -> None:
        """Drops the connection, even in mid-statement; the next group opens another."""
        connection, self._connection, self._append = self._connection, None, None
        if connection is not None:
            connection.terminate()
