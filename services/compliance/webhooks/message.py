"""Request bodies of webhooks: a compliance event as the next message or once more, batches, heartbeats, tests."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal

import msgspec

from services.compliance.cloud_event import SOURCE, CloudEvent, cloud_event
from services.compliance.read_model.event_log import LoggedEvent
from services.compliance.webhooks.filter_and_cursor import Cursor
from shared.events.endpoint_notices import HEARTBEAT, WEBHOOK_TEST, Heartbeat, WebhookTest

MESSAGE_BYTES_MAX: Final = 64 * 1024
"""No message is greater, a batch included: the least that CloudEvents asks every receiver to take."""


class WebhookEvent(CloudEvent, frozen=True, omit_defaults=True, kw_only=True):
    """A compliance event as one endpoint gets it.

    `sequence`: its number within the epoch, from 1, without gaps. `replay`: it is sent on request once more.
    `parked`: the numbers just before this one that are kept back, such as "8" or "8-11". `parkedearlier`: in the first
    message of an epoch, the numbers of earlier epochs that are kept back, such as "1:8-11,2:3".
    """

    epoch: int
    sequence: int
    replay: bool = False
    parked: str = ""
    parkedearlier: str = ""


class ResentEvent(CloudEvent, frozen=True, omit_defaults=True, kw_only=True):
    """A compliance event that an endpoint is sent once more, by itself and on request. It has no number."""

    resend: Literal[True]


class Notice(msgspec.Struct, frozen=True):
    """A message about the endpoint itself, as a CloudEvent 1.0. It has no number."""

    id: str
    type: str
    time: datetime
    data: Heartbeat | WebhookTest
    specversion: Literal["1.0"] = "1.0"
    source: str = SOURCE
    datacontenttype: Literal["application/json"] = "application/json"


class Message(msgspec.Struct, frozen=True):
    """A compliance event for one endpoint. `message_id`: the event's, the same in every delivery."""

    message_id: str
    partner_id: str
    position: int
    epoch: int
    sequence: int
    body: bytes


def next_message(event: LoggedEvent, cursor: Cursor, parked_earlier: str = "") -> Message:
    """The event as the next message after the cursor.

    `parked_earlier`: the numbers parked in earlier epochs; sent until a first message of this epoch is delivered.
    """
    common = cloud_event(event)
    sequence = cursor.sequence + 1
    numbered = WebhookEvent(
        *(getattr(common, name) for name in _COMMON),
        epoch=cursor.epoch,
        sequence=sequence,
        replay=event.position <= cursor.replay_through,
        parked=_numbers(cursor.delivered_sequence + 1, cursor.sequence),
        parkedearlier="" if cursor.delivered_sequence else parked_earlier,
    )
    return Message(event.event_id, event.partner_id, event.position, cursor.epoch, sequence, _encode(numbered))


def resent_event_body(event: LoggedEvent) -> bytes:
    """The event as it is sent once more."""
    common = cloud_event(event)
    return _encode(ResentEvent(*(getattr(common, name) for name in _COMMON), resend=True))


def batch_body(messages: Sequence[Message]) -> bytes:
    """The messages as a CloudEvents batch."""
    return b"[" + b",".join(message.body for message in messages) + b"]"


def batch_id(messages: Sequence[Message]) -> str:
    """The webhook-id of a batch: the same for the same messages. That of a lone message is the message's own."""
    if len(messages) == 1:
        return messages[0].message_id
    return "batch_" + sha256(" ".join(message.message_id for message in messages).encode()).hexdigest()[:32]


def heartbeat_body(message_id: str, endpoint_id: str, cursor: Cursor, now: datetime) -> bytes:
    """States that the endpoint has every message. `now`: by the wall clock."""
    data = Heartbeat(endpoint_id, cursor.epoch, cursor.sequence, cursor.position)
    return _encode(Notice(message_id, HEARTBEAT, now, data))


def test_event_body(message_id: str, endpoint_id: str, now: datetime) -> bytes:
    """A message without an event, to test an endpoint. `now`: by the wall clock."""
    return _encode(Notice(message_id, WEBHOOK_TEST, now, WebhookTest(endpoint_id)))


def _numbers(first: int, last: int) -> str:
    if first > last:
        return ""
    return str(first) if first == last else f"{first}-{last}"


_COMMON: Final = CloudEvent.__struct_fields__
_encode: Final = msgspec.json.Encoder().encode
