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
from services.compliance.webhooks.signing import Sealer, Signer, signer_of

LEASE_SECONDS: Final = 45.0
"""Each write renews the lease. It is much longer than a request may take, and the longest pause after a holder dies."""

DUE_SCAN_WINDOW: Final = 1000
"""Events searched for one that passes the filter; an endpoint further behind is leased without a search."""

LEASES_TAKEN_MAX: Final = 200

DUE: Final = f"""
    n.state = 'active' AND n.next_attempt_at <= clock_timestamp()
    AND (
        p.event_position > n.position + {DUE_SCAN_WINDOW}
        OR EXISTS (
            SELECT FROM compliance_event e
            WHERE e.position > n.position AND e.position <= n.position + {DUE_SCAN_WINDOW}
                AND (n.types IS NULL OR e.type = ANY(n.types))
                AND (n.partner_ids IS NULL OR e.partner_id = ANY(n.partner_ids))
                AND (n.products IS NULL OR e.products && n.products)
                AND (n.history IS NULL OR NOT {IS_HISTORY})
        )
        OR EXISTS (SELECT FROM webhooks.parked_message m WHERE m.endpoint_id = n.endpoint_id AND m.released)
        OR coalesce(n.last_attempt_at, n.registered_at) + n.heartbeat_seconds * interval '1 second'
            <= clock_timestamp()
    )
"""
"""Whether endpoint `n`, leased or not, has work now. `p` is the progress."""

# Materialised: another plan would run it once for each endpoint, and take more than the limit.
_TAKE: Final = f"""
    WITH due AS MATERIALIZED (
        SELECT n.endpoint_id FROM webhooks.endpoint n CROSS JOIN progress p
        WHERE n.lease_until <= clock_timestamp() AND {DUE}
        LIMIT {LEASES_TAKEN_MAX} FOR NO KEY UPDATE OF n SKIP LOCKED
    )
    UPDATE webhooks.endpoint t SET
        fence = fence + 1, held_by = $1, lease_until = clock_timestamp() + $2 * interval '1 second'
    FROM due WHERE t.endpoint_id = due.endpoint_id
    RETURNING t.endpoint_id, t.fence
"""

UNTRIED_HOURS: Final = 2
"""After this long without an attempt (twice the longest backoff) the failure streak is reset."""

_LOAD: Final = f"""
    SELECT e.endpoint_id, e.fence, e.revision, e.url, e.batch_max, e.types, e.partner_ids, e.products, e.history,
        e.position, e.epoch, e.sequence, e.delivered_sequence, e.replay_through,
        CASE WHEN a.tried THEN e.failing_since END AS failing_since, e.failures,
        CASE WHEN a.tried THEN e.warned_hours ELSE 0 END AS warned_hours,
        CASE WHEN a.tried THEN e.rejecting_since END AS rejecting_since,
        coalesce(e.last_attempt_at, e.registered_at) + e.heartbeat_seconds * interval '1 second'
            <= clock_timestamp() AS heartbeat_due,
        ARRAY(SELECT DISTINCT m.partner_id FROM webhooks.parked_message m
            WHERE m.endpoint_id = e.endpoint_id) AS parked_partners,
        ARRAY(SELECT s.sealed FROM webhooks.secret s WHERE s.endpoint_id = e.endpoint_id AND s.scheme = 'v1'
            AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp()) ORDER BY s.number DESC) AS secrets,
        ARRAY(SELECT s.sealed FROM webhooks.secret s WHERE s.endpoint_id = e.endpoint_id AND s.scheme = 'v1a'
            AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp()) ORDER BY s.number DESC) AS seeds,
        (SELECT min(s.expires_at) FROM webhooks.secret s WHERE s.endpoint_id = e.endpoint_id
            AND s.expires_at > clock_timestamp()) AS secret_expires_at,
        clock_timestamp() AS now
    FROM unnest($1::text[], $2::bigint[]) w (endpoint_id, fence)
    JOIN webhooks.endpoint e ON e.endpoint_id = w.endpoint_id AND e.fence = w.fence AND e.state = 'active'
    CROSS JOIN LATERAL (
        SELECT e.last_attempt_at > clock_timestamp() - interval '{UNTRIED_HOURS} hours' AS tried
    ) a
"""

_RELEASE: Final = """
    UPDATE webhooks.endpoint SET lease_until = '-infinity'
    WHERE held_by = $1 AND lease_until > clock_timestamp() AND endpoint_id <> ALL($2::text[])
"""

_REJECTED_ELSEWHERE: Final = """
    SELECT EXISTS (
        SELECT FROM webhooks.endpoint o WHERE o.endpoint_id <> $1 AND o.rejecting_since IS NOT NULL
            AND o.state = 'active' AND EXISTS (
                SELECT FROM webhooks.attempt a WHERE a.endpoint_id = o.endpoint_id
                    AND a.number > o.attempts - 10 AND a.message_id = $2 AND a.status = ANY($3::integer[])
            )
    )
"""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint at the moment of its lease. `taken_at`: by the event loop's clock, before the request for the lease.

    `now`: by the database's clock, at about the same time. `signer`: null where no key opens its secret.
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
    return {row[0]: row[1] for row in await connection.fetch(_TAKE, held_by, lease_seconds)}


async def load_leases(
    connection: Connection, sealer: Sealer, taken: Mapping[str, int], taken_at: float
) -> Sequence[Lease]:
    """Loads the leased endpoints, except those replayed, paused or deleted in the meantime."""
    rows = await connection.fetch(_LOAD, list(taken), list(taken.values()))
    return [_lease(row, sealer, taken_at) for row in rows]


async def release_leases(connection: Connection, held_by: str, kept: Collection[str]) -> None:
    """Releases every lease of this holder except those in `kept`."""
    await connection.execute(_RELEASE, held_by, list(kept))


async def rejected_elsewhere(pool: Pool, endpoint_id: str, message_id: str) -> bool:
    """Whether another endpoint currently rejects this message, too."""
    return bool(await pool.fetchval(_REJECTED_ELSEWHERE, endpoint_id, message_id, sorted(REJECTED)))


def _lease(row: asyncpg.Record, sealer: Sealer, taken_at: float) -> Lease:
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
