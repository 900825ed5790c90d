"""Leases of endpoints: the holder delivers, and the fence keeps earlier holders from moving the cursor."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import asyncpg
import msgspec

from services.compliance.database import Connection, Pool
from services.compliance.read_model.event_log import IS_HISTORY
from services.compliance.webhooks.delivery.retry_policy import REJECTED, Health
from services.compliance.webhooks.filter_and_cursor import Cursor, Filter, filter_of
from services.compliance.webhooks.signing import SecretSealer, Signer, signer_of
from services.web.statements import statements

LEASE_SECONDS: Final = 45.0
"""Each write renews the lease. It is much longer than a request may take, and the longest pause after a holder dies."""

DUE_SCAN_WINDOW: Final = 1000
"""Events searched for one that passes the filter; an endpoint further behind is leased without a search."""

LEASES_TAKEN_MAX: Final = 200

UNTRIED_HOURS: Final = 2
"""After this long without an attempt (twice the longest backoff) the failure streak is reset."""

_SQL: Final = statements(
    __file__,
    is_history=IS_HISTORY,
    due_scan_window=str(DUE_SCAN_WINDOW),
    leases_taken_max=str(LEASES_TAKEN_MAX),
    untried_hours=str(UNTRIED_HOURS),
)
DUE: Final = _SQL["due"]
"""Whether endpoint `n`, leased or not, has work now. `p` is the progress."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint at the moment of its lease. `taken_at`: by the event loop's clock, before the request for the lease.

    `now`: by the database's clock, at about the same time. `signer`: null if no key opens its secret.
    """

    endpoint_id: str
    fence: int
    revision: int
    url: str
    batch_max: int
    filtered: Filter
    cursor: Cursor
    health: Health
    heartbeat_due: bool
    parked_partners: frozenset[str]
    signer: Signer | None
    secret_expires_at: datetime | None
    now: datetime
    taken_at: float


async def take_leases(connection: Connection, held_by: str, lease_seconds: float) -> Mapping[str, int]:
    """Leases endpoints that have work now, at most LEASES_TAKEN_MAX. Returns their ids and fences."""
    return {row[0]: row[1] for row in await connection.fetch(_SQL["take"], held_by, lease_seconds)}


async def load_leases(
    connection: Connection, sealer: SecretSealer, taken: Mapping[str, int], taken_at: float
) -> Sequence[Lease]:
    """Loads the leased endpoints, except those replayed, paused or deleted in the meantime."""
    rows = await connection.fetch(_SQL["load"], list(taken), list(taken.values()))
    return [_lease(row, sealer, taken_at) for row in rows]


async def release_leases(connection: Connection, held_by: str, kept: Collection[str]) -> None:
    """Releases every lease of this holder except those in `kept`."""
    await connection.execute(_SQL["release"], held_by, list(kept))


async def rejected_elsewhere(pool: Pool, endpoint_id: str, message_id: str) -> bool:
    """Whether another endpoint currently rejects this message, too."""
    return bool(await pool.fetchval(_SQL["rejected_elsewhere"], endpoint_id, message_id, sorted(REJECTED)))


def _lease(row: asyncpg.Record, sealer: SecretSealer, taken_at: float) -> Lease:
    return Lease(
        endpoint_id=row["endpoint_id"],
        fence=row["fence"],
        revision=row["revision"],
        url=row["url"],
        batch_max=row["batch_max"],
        filtered=filter_of(dict(row)),
        cursor=Cursor(*(row[name] for name in Cursor.__struct_fields__)),
        health=Health(*(row[name] for name in Health.__struct_fields__)),
        heartbeat_due=bool(row["heartbeat_due"]),
        parked_partners=frozenset(row["parked_partners"]),
        signer=signer_of(sealer, row["secrets"], row["seeds"]),
        secret_expires_at=row["secret_expires_at"],
        now=row["now"],
        taken_at=taken_at,
    )
