"""Idempotency keys of registrations: one key, one endpoint."""

from hashlib import sha256
from typing import Final

from services.compliance.database import Connection
from services.web.refusal import IdempotencyKeyReused

KEPT_DAYS: Final = 7
"""How long a key is remembered."""

# A second call with the key waits here until the first commits or rolls back.
_CLAIM: Final = """
    INSERT INTO webhooks.registration (idempotency_key, content_hash, endpoint_id, actor) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING endpoint_id
"""

_FORGET: Final = f"""
    DELETE FROM webhooks.registration WHERE registered_at < clock_timestamp() - interval '{KEPT_DAYS} days'
"""

_CLAIMED: Final = (
    "SELECT content_hash, endpoint_id FROM webhooks.registration WHERE actor = $2 AND idempotency_key = $1"
)


async def claim_key(connection: Connection, namespace: str, key: str, content: bytes, endpoint_id: str) -> str:
    """Claims the key within the caller's namespace.

    Returns this endpoint's id, or that of an earlier call with the same content.
    Raises `IdempotencyKeyReused`. Within the transaction that registers the endpoint.
    """
    content_hash = sha256(content).digest()
    await connection.execute(_FORGET)
    if await connection.fetchval(_CLAIM, key, content_hash, endpoint_id, namespace) is not None:
        return endpoint_id
    row = await connection.fetchrow(_CLAIMED, key, namespace)
    assert row is not None, "only keys of last week are forgotten"
    if row["content_hash"] != content_hash:
        raise IdempotencyKeyReused("The key was used to register an endpoint with other content.", "idempotency-key")
    return str(row["endpoint_id"])
