"""Writes an export of the audit trail to a file."""

import asyncio
import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from services.audit import export
from services.audit.database import connect
from services.audit.settings import AuditSettings
from services.host.wall_clock import wall_clock
from services.web.database_connections import terminating

Shown = Callable[[int], AbstractContextManager[Callable[[int], None]]]
"""Shows progress towards a number of entries, by the number of further ones."""


def write_export(settings: AuditSettings, partner_id: str | None, until: int | None, output: Path, shown: Shown) -> int:
    """Writes the file whole or not at all; returns the size of its log of facts. Raises `NotSealed`, `OSError`.

    A device or a pipe is refused: the finished file would take its place.
    """
    if output.exists() and not output.is_file():
        raise OSError(errno.EINVAL, "it is no plain file, and an export is written to one", str(output))
    unfinished = output.with_name(f".{output.name}.unfinished")
    try:
        size = asyncio.run(_write(settings, partner_id, until, unfinished, shown))
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
    return size


async def _write(settings: AuditSettings, partner_id: str | None, until: int | None, path: Path, shown: Shown) -> int:
    async with terminating(connect(settings)) as connection:
        prepared = await export.prepare(connection, settings, partner_id, until, wall_clock())
        with path.open("wb") as file, shown(prepared.entries) as advance:
            done = 0

            def on_progress(progress: export.Progress) -> None:
                nonlocal done
                advance(progress.done - done)
                done = progress.done

            async for part in export.stream(connection, settings, prepared, on_progress):
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        return prepared.facts.size
