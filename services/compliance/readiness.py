"""Whether compliance makes progress: its database, the follower, and the dispatcher if messages are due."""

from datetime import datetime
from typing import Final

import asyncpg
import msgspec

from services.compliance.database import Connection
from services.compliance.policy.parameters import Parameters
from services.compliance.webhooks.delivery.leases import DUE
from services.web.refusal import engine_not_installed
from services.web.statements import statements

LIFE_SECONDS: Final = 10.0
"""Without a heartbeat for so long, a process is considered dead."""
STILL_SECONDS: Final = 15.0
"""A follower with facts to apply that has not advanced for so long is stuck."""
LAG_SECONDS_MAX: Final = 30.0
"""How far `known_through` may lag behind the clock. No limit in a sandbox, whose clock jumps."""

_SQL: Final = statements(__file__, due=DUE)


class Readiness(msgspec.Struct, frozen=True):
    """`facts_behind`: how many facts the projection has still to apply. `known_through`: how far its knowledge goes.

    `claims_waiting`: not written yet; `claims_dropped`: lost since this process started.
    """

    status: str
    position: int
    facts_behind: int
    known_through: datetime
    events: int
    held_by: str
    claims_waiting: int = 0
    claims_dropped: int = 0


async def check_readiness(
    connection: Connection, parameters: Parameters, *, sandbox: bool, webhooks: bool
) -> tuple[Readiness, list[str]]:
    """How far the projection is, and one sentence for each fault; ready if there is none."""
    row = await connection.fetchrow(_SQL["follower"], LIFE_SECONDS)
    assert row is not None, "progress has one row"
    faults = _of_the_follower(row, parameters, sandbox=sandbox)
    if webhooks:
        faults += _of_the_dispatcher(await connection.fetchrow(_SQL["dispatcher"], LIFE_SECONDS))
    readiness = Readiness(
        status="ready",
        position=row["position"],
        facts_behind=row["head"] - row["position"],
        known_through=row["known_through"],
        events=row["event_position"],
        held_by=row["held_by"],
    )
    return readiness, faults


def _of_the_follower(row: asyncpg.Record, parameters: Parameters, *, sandbox: bool) -> list[str]:
    behind, still = row["head"] - row["position"], row["still_seconds"]
    silent = still if row["silent_seconds"] is None else min(still, row["silent_seconds"])
    if row["engine_id"] not in (None, parameters.version):
        return [engine_not_installed(row["engine_id"], parameters.version).detail]
    if row["derived_by"] not in ("", parameters.version):
        other = f"The read model was derived by engine {row['derived_by']}, this is {parameters.version}"
        return [f"{other}: run `sagecert compliance rebuild`."]
    if silent > LIFE_SECONDS:
        return [f"No follower is running: the last heartbeat was {silent:.0f} seconds ago."]
    if row["trouble"] is not None:
        return [f"The follower makes no progress: {row['trouble']}."]
    if behind > 0 and still > STILL_SECONDS:
        return [f"The follower stands still: {behind} facts are to be applied, the last was {still:.0f} seconds ago."]
    if not sandbox and row["lag_seconds"] > LAG_SECONDS_MAX:
        return [f"The projection is {row['lag_seconds']:.0f} seconds behind, with {behind} facts to be applied."]
    return []


def _of_the_dispatcher(row: asyncpg.Record | None) -> list[str]:
    assert row is not None, "it selects no table"
    if not row["due"] or (row["alive"] and row["trouble"] is None):
        return []
    if row["alive"]:
        return [f"The dispatcher makes no progress: {row['trouble']}."]
    return [f"Webhook messages are due, and no dispatcher has sent a heartbeat for {LIFE_SECONDS:.0f} seconds."]
