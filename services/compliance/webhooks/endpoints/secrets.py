"""The secrets of an endpoint: creates, rotates and opens them. In the database they are sealed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.compliance.database import Connection, Pool, connect
from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.endpoints.store import locked_endpoint
from services.compliance.webhooks.refusals import SecretLost, TooManySecrets
from services.compliance.webhooks.signing import SecretSealer, Signer, new_key_pair, new_secret, signer_of
from services.web.database_connections import terminating
from services.web.preconditions import Expected
from shared.events.wire import instant_text

OVERLAP_HOURS: Final = 24
"""How long a replaced secret signs beside its successor."""

ALIVE_MAX: Final = 4
"""Secrets that sign at once: each makes the header longer."""

_INSERT: Final = "INSERT INTO webhooks.secret (endpoint_id, scheme, number, sealed) VALUES ($1, $2, $3, $4)"

_ALIVE: Final = """
    SELECT scheme, number, sealed, expires_at FROM webhooks.secret
    WHERE endpoint_id = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp()) ORDER BY scheme, number DESC
"""

_KEEP: Final = """
    DELETE FROM webhooks.secret WHERE endpoint_id = $1
        AND NOT (scheme, number) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
"""

_EXPIRE: Final = f"""
    UPDATE webhooks.secret SET expires_at = clock_timestamp() + interval '{OVERLAP_HOURS} hours'
    WHERE endpoint_id = $1 AND expires_at IS NULL RETURNING expires_at
"""


_SIGNING: Final = """
    SELECT endpoint_id, scheme, number, sealed FROM webhooks.secret
    WHERE expires_at IS NULL OR expires_at > clock_timestamp() ORDER BY endpoint_id, scheme, number
"""

_RESEAL: Final = """
    UPDATE webhooks.secret SET sealed = $5
    WHERE endpoint_id = $1 AND scheme = $2 AND number = $3 AND sealed = $4
"""


class New(NamedTuple):
    """New secrets, shown once. `seed`: of the key pair, if the endpoint has one."""

    secret: bytes
    seed: bytes | None


class Rotated(NamedTuple):
    """`previous_expires_at`: until when the secret before signs too; None: it was lost."""

    new: New
    previous_expires_at: datetime | None


class Resealed(NamedTuple):
    """`secrets`: the number sealed again. `lost`: endpoints with a secret that no key opens."""

    secrets: int
    lost: Sequence[str]


async def create_secret(
    connection: Connection, endpoint_id: str, sealer: SecretSealer, *, ed25519: bool, number: int = 1
) -> New:
    """Creates a secret, and a key pair if `ed25519`."""
    new = New(new_secret(), new_key_pair() if ed25519 else None)
    await connection.execute(_INSERT, endpoint_id, "v1", number, sealer.seal(new.secret))
    if new.seed is not None:
        await connection.execute(_INSERT, endpoint_id, "v1a", number, sealer.seal(new.seed))
    return new


async def rotate_secret(
    pool: Pool, endpoint_id: str, actor: str, sealer: SecretSealer, expected: Expected = None
) -> Rotated:
    """Creates new secrets; the present ones expire, and expired or lost ones are deleted.

    Raises `TooManySecrets`.
    """
    async with locked_endpoint(pool, endpoint_id, actor, expected) as connection:
        rows = await connection.fetch(_ALIVE, endpoint_id)
        alive = [row for row in rows if sealer.open(row["sealed"]) is not None]
        ends = sorted(row["expires_at"] for row in alive if row["scheme"] == "v1" and row["expires_at"] is not None)
        if len(ends) + 1 >= ALIVE_MAX:
            detail = f"{ALIVE_MAX} secrets sign for this endpoint; rotate again after {instant_text(ends[0])}."
            raise TooManySecrets(detail)
        kept = [row["scheme"] for row in alive], [row["number"] for row in alive]
        await connection.execute(_KEEP, endpoint_id, *kept)
        previous_expires_at = await connection.fetchval(_EXPIRE, endpoint_id)
        number = 1 + max((row["number"] for row in alive), default=0)
        ed25519 = any(row["scheme"] == "v1a" for row in rows)
        return Rotated(
            await create_secret(connection, endpoint_id, sealer, ed25519=ed25519, number=number), previous_expires_at
        )


async def find_first(connection: Connection, endpoint_id: str, sealer: SecretSealer) -> bytes | None:
    """The secret from the registration; None if it no longer signs or no key opens it."""
    rows = await connection.fetch(_ALIVE, endpoint_id)
    return next((sealer.open(row["sealed"]) for row in rows if (row["scheme"], row["number"]) == ("v1", 1)), None)


async def find_signer(connection: Connection, endpoint_id: str, sealer: SecretSealer) -> Signer:
    """Signs with every secret that has not expired. Raises `SecretLost` if no key opens any."""
    rows = await connection.fetch(_ALIVE, endpoint_id)
    secrets, seeds = ([row["sealed"] for row in rows if row["scheme"] == scheme] for scheme in ("v1", "v1a"))
    signer = signer_of(sealer, secrets, seeds)
    if signer is None:
        raise SecretLost(
            "No key of SAGECERT_COMPLIANCE_WEBHOOK_KEYS opens the secret of this endpoint: rotate its secret, or have "
            "the key put back."
        )
    return signer


async def reseal_secrets(settings: ComplianceSettings) -> Resealed:
    """Seals every signing secret with the first key. After an interruption, run it again.

    Each in a separate statement, while others deliver and rotate; a secret that changes meanwhile is left alone.
    """
    sealer = SecretSealer(settings.webhook_keys)
    resealed, lost = 0, []
    async with terminating(connect(settings)) as connection:
        for *row, sealed in await connection.fetch(_SIGNING):
            secret = sealer.open(sealed)
            if secret is None:
                lost.append(row[0])
            else:
                resealed += await connection.execute(_RESEAL, *row, sealed, sealer.seal(secret)) == "UPDATE 1"
    return Resealed(resealed, list(dict.fromkeys(lost)))
