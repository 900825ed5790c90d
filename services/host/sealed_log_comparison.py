"""Compares all logs with what was sealed, from the first entry to the last."""

import asyncio

from services.audit.alteration_watch import AlterationWatch
from services.audit.sealed_log import LogName
from services.audit.settings import AuditSettings


def compare_logs(settings: AuditSettings) -> dict[str, int]:
    """Hashes every entry and compares the tiles; returns the size up to which each log is as sealed.

    Raises `LogAltered`.
    """

    async def compare() -> dict[str, int]:
        check = AlterationWatch(settings, logs=list(LogName))
        try:
            await check.compare()
            await check.compare_tiles()
            return check.sizes
        finally:
            await check.close()

    return asyncio.run(compare())
