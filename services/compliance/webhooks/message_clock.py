"""The clock that stamps messages: the wall clock, or in a sandbox the clock of the sandbox."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from services.compliance.database import Pool
from services.compliance.settings import ComplianceSettings

MessageClock = Callable[[], Awaitable[datetime]]


def message_clock(pool: Pool, settings: ComplianceSettings, wall_clock: Callable[[], datetime]) -> MessageClock:
    """The clock of these settings. Receivers compare it with theirs (Standard Webhooks: five minutes either way)."""

    async def of_the_sandbox() -> datetime:
        now: datetime = await pool.fetchval("SELECT certification.now()")
        return now

    async def of_the_wall() -> datetime:
        return wall_clock()

    return of_the_sandbox if settings.sandbox and not settings.webhook_wall_clock else of_the_wall
