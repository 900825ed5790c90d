"""Sealing in tests: a database with facts, and a sealer that seals what is there."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.audit.sealer import Sealer
from services.audit.settings import AuditSettings
from services.compliance.database import connect
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.projection.batch import Projector
from tests.compliance.log import as_follower, settings_for
from tests.databases import Database


def audit_settings(database: Database, directory: Path, **more: Any) -> AuditSettings:
    """Of a sealer on the test's database."""
    return AuditSettings(database_url=SecretStr(database.sealer_url), directory=directory, **more)


def seal(database: Database, directory: Path, **more: Any) -> None:
    """Seals everything that is committed."""
    asyncio.run(Sealer(audit_settings(database, directory, **more)).seal_everything())


async def derive(database: Database) -> None:
    """Derives everything from the facts that are there."""
    connection = await connect(as_follower(settings_for(database)))
    await Projector(connection, PARAMETERS, "test").advance_fully(None)
    await connection.close()


def column_line(row: Sequence[Any], names: Sequence[str], *, without: str) -> bytes:
    """The first line of an entry as anybody would write it from a row: compact JSON, in the order of the names."""

    def written(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.hex()
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if hasattr(value, "strftime") else value

    columns = {name: written(value) for name, value in zip(names, row, strict=True) if name != without}
    return json.dumps(columns, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
