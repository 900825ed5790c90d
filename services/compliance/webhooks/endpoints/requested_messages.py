"""Messages sent at once on request, without a dispatcher: tests, and single events once more. They move nothing."""

from secrets import token_hex
from typing import TYPE_CHECKING, Final, NamedTuple

from services.compliance.cloud_event import BATCH_MEDIA_TYPE, MEDIA_TYPE
from services.compliance.database import Connection, Pool
from services.compliance.read_model.event_log import LoggedEvent, find_event
from services.compliance.webhooks import message
from services.compliance.webhooks.endpoints.attempt_log import AttemptKind, log_attempt
from services.compliance.webhooks.endpoints.secrets import find_signer
from services.compliance.webhooks.endpoints.store import Endpoint, find_endpoint
from services.compliance.webhooks.filter_and_cursor import Filter
from services.compliance.webhooks.message_clock import MessageClock
from services.compliance.webhooks.outcome import Outcome
from services.compliance.webhooks.refusals import NoSuchEvent, NotResendable
from services.compliance.webhooks.signing import SecretSealer, Signer

if TYPE_CHECKING:
    from services.compliance.webhooks.transport.http_post import Sender

_PARKED: Final = "SELECT EXISTS (SELECT FROM webhooks.parked_message WHERE endpoint_id = $1 AND position = $2)"


class Sending(NamedTuple):
    """The dependencies of messages sent at once. No database connection is held while a request is under way."""

    pool: Pool
    sealer: SecretSealer
    sender: "Sender"
    clock: MessageClock


async def send_test_event(sending: Sending, endpoint_id: str) -> Outcome:
    """Sends a signed test message, in any state of the endpoint. Raises `NoSuchEndpoint` and `SecretLost`."""
    async with sending.pool.acquire() as connection:
        endpoint = await find_endpoint(connection, endpoint_id)
        signer = await find_signer(connection, endpoint_id, sending.sealer)
    message_id = f"test_{token_hex(12)}"
    body = message.test_event_body(message_id, endpoint_id, await sending.clock())
    return await _send(sending, endpoint, signer, "test", message_id, body)


async def resend_event(sending: Sending, endpoint_id: str, event_id: str) -> Outcome:
    """Sends one event once more, under its id, in any state of the endpoint.

    Raises `NoSuchEndpoint`, `SecretLost`, `NoSuchEvent`, and `NotResendable` for an event that the endpoint is still to
    get, or that its filter leaves out.
    """
    async with sending.pool.acquire() as connection:
        endpoint = await find_endpoint(connection, endpoint_id)
        event = await find_event(connection, event_id)
        if event is None:
            raise NoSuchEvent(event_id)
        await _refuse_unless_told(connection, endpoint, event)
        signer = await find_signer(connection, endpoint_id, sending.sealer)
    return await _send(sending, endpoint, signer, "resend", event_id, message.resent_event_body(event))


async def _refuse_unless_told(connection: Connection, endpoint: Endpoint, event: LoggedEvent) -> None:
    if event.position > endpoint.position:
        raise NotResendable(
            "The endpoint has not received this event yet. To retry a failed delivery at once, call …/retries."
        )
    if not _passes(endpoint.filter, event):
        raise NotResendable("The filter of the endpoint leaves this event out.")
    if await connection.fetchval(_PARKED, endpoint.endpoint_id, event.position):
        raise NotResendable("This event is parked: send it with …/releases.")


def _passes(filtered: Filter, event: LoggedEvent) -> bool:
    types, partner_ids, products = filtered.types, filtered.partner_ids, filtered.products
    return (
        (types is None or event.type in types)
        and (partner_ids is None or event.partner_id in partner_ids)
        and (products is None or not set(products).isdisjoint(event.products))
        and not (filtered.history is False and event.history)
    )


async def _send(
    sending: Sending, endpoint: Endpoint, signer: Signer, kind: AttemptKind, message_id: str, body: bytes
) -> Outcome:
    """Sends and logs it. An endpoint that takes batches gets a batch of one."""
    media_type = MEDIA_TYPE
    if endpoint.batch_max > 1:
        body, media_type = b"[" + body + b"]", BATCH_MEDIA_TYPE
    headers = signer.headers(message_id, await sending.clock(), body)
    outcome = await sending.sender.post(endpoint.url, headers, body, media_type)
    async with sending.pool.acquire() as connection:
        await log_attempt(connection, endpoint.endpoint_id, kind, message_id, outcome)
    return outcome
