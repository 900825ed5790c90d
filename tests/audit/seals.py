"""Sealing in tests: a database with facts, and a sealer that seals what is there."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from psycopg import Connection, sql
from pydantic import SecretStr

from services.audit.alteration_watch import AlterationWatch
from services.audit.merkle import leaf_hash
from services.audit.sealer import Sealer
from services.audit.settings import AuditSettings
from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from tests.compliance.log import OURS, as_follower, settings_for
from tests.databases import Database

FACTS: Final = ("certification", "stored_events", "state", "notification_id")
EVENTS: Final = ("compliance", "compliance_event", "data", "position")


def audit_settings(database: Database, directory: Path, **more: Any) -> AuditSettings:
    """Of a sealer on the test's database, or of another role that `database_url` names."""
    return AuditSettings(**{"database_url": SecretStr(database.sealer_url), "directory": directory, **more})


def seal(database: Database, directory: Path, **more: Any) -> None:
    """Seals everything that is committed."""
    asyncio.run(Sealer(audit_settings(database, directory, **more)).seal_everything())


async def derive(database: Database) -> None:
    """Derives everything from the facts that are there."""
    connection = await connect(as_follower(settings_for(database)))
    await Projector(connection, OURS, "test").advance_fully(None)
    await connection.close()


async def compared(check: AlterationWatch) -> None:
    """Compares both logs once."""
    try:
        await check.compare()
    finally:
        await check.close()


def column_line(row: Sequence[Any], names: Sequence[str], *, without: str) -> bytes:
    """The first line of an entry as anybody would write it from a row: compact JSON, in the order of the names."""

    def written(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.hex()
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if hasattr(value, "strftime") else value

    columns = {name: written(value) for name, value in zip(names, row, strict=True) if name != without}
    return json.dumps(columns, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def leaves(owner: Connection, log: tuple[str, str, str, str]) -> list[bytes]:
    """The leaf hashes of every row, each entry written without the sealer."""
    schema, table, last, position = log
    rows = owner.execute(
        sql.SQL("SELECT * FROM {} ORDER BY {}").format(sql.Identifier(schema, table), sql.Identifier(position))
    )
    assert rows.description is not None
    names = [column.name for column in rows.description]
    place = names.index(last)
    return [leaf_hash(column_line(row, names, without=last) + bytes(row[place])) for row in rows]
