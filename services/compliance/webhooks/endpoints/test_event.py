"""Sends one signed test message at once, in any state of the endpoint and without a dispatcher."""

from collections.abc import Callable
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from services.compliance.cloud_event import BATCH_MEDIA_TYPE, MEDIA_TYPE
from services.compliance.database import Connection, Pool
from services.compliance.webhooks import message
from services.compliance.webhooks.endpoints.secrets import find_signer
from services.compliance.webhooks.endpoints.store import find_endpoint
from services.compliance.webhooks.outcome import Outcome
from services.compliance.webhooks.signing import Sealer

if TYPE_CHECKING:
    from services.compliance.webhooks.transport.http_post import Sender

_LOG: Final = """
    WITH numbered AS (
        UPDATE webhooks.endpoint SET attempts = attempts + 1 WHERE endpoint_id = $1 RETURNING attempts
    )
    INSERT INTO webhooks.attempt (
        endpoint_id, number, kind, started_at, duration_ms, message_id, messages, status, error, reply)
    SELECT $1, n.attempts, 'test', clock_timestamp() - $2 * interval '1 millisecond', $2, $3, 1, $4, $5, $6
    FROM numbered n
"""


async def send_test_event(
    pool: Pool, endpoint_id: str, sealer: Sealer, sender: "Sender", wall_clock: Callable[[], datetime]
) -> Outcome:
    """Sends the message and logs the attempt; no database connection is held meanwhile.

    Raises `NoSuchEndpoint` and `SecretLost`. An endpoint that takes batches gets a batch of one.
    """
    async with pool.acquire() as connection:
        endpoint = await find_endpoint(connection, endpoint_id)
        signer = await find_signer(connection, endpoint_id, sealer)
    message_id, now = f"test_{token_hex(12)}", wall_clock()
    body, media_type = message.test_event_body(message_id, endpoint_id, now), MEDIA_TYPE
    if endpoint.batch_max > 1:
        body, media_type = b"[" + body + b"]", BATCH_MEDIA_TYPE
    outcome = await sender.post(endpoint.url, signer.headers(message_id, now, body), body, media_type)
    async with pool.acquire() as connection:
        await _log(connection, endpoint_id, message_id, outcome)
    return outcome


async def _log(connection: Connection, endpoint_id: str, message_id: str, outcome: Outcome) -> None:
    """Logs nothing if the endpoint was deleted meanwhile."""
    reply = (outcome.status, outcome.error, outcome.reply)
    await connection.execute(_LOG, endpoint_id, outcome.duration_ms, message_id, *reply)
