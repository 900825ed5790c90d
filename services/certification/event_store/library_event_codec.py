"""The stored bytes of events that are not facts: what an application of the library writes, and when it was recorded.

A fact of the contract is stored as `shared.events.wire` encodes it. The log stamps every other event too, and
`certification.append` finds the place for the stamp in the state. So the library's bytes are carried in JSON,
`{"recorded_at", "text"}`, and come out as they went in; bytes that are not text, or hold U+0000, which PostgreSQL's
JSON does not, are carried as `{"recorded_at", "base64"}`.
"""

from typing import Final

import msgspec

from services.certification.event_store.append_request import PLACEHOLDER
from shared.events.facts import TOPIC_PREFIX


class CarriedState(msgspec.Struct, frozen=True, omit_defaults=True):
    """`recorded_at`: when the event was recorded, RFC 3339 in UTC. One of `text` and `base64` is set."""

    recorded_at: str
    text: str | None = None
    base64: bytes | None = None


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(CarriedState)
_STAMP: Final = '"recorded_at":"stamp"'


def is_fact(topic: str) -> bool:
    """Whether the event is a fact of the contract, of any version."""
    return topic.startswith(TOPIC_PREFIX)


def carry(state: bytes) -> str:
    """The state to append: the bytes, with the place for the instant of recording left open."""
    try:
        text = state.decode()
    except UnicodeDecodeError:
        text = "\0"
    carried = CarriedState("stamp", base64=state) if "\0" in text else CarriedState("stamp", text=text)
    return _encoder.encode(carried).decode().replace(_STAMP, f'"recorded_at":"{PLACEHOLDER}"', 1)


def carried(state: bytes) -> bytes:
    """The bytes as they were given. Raises `msgspec.ValidationError` for a state that carries none."""
    found = _decoder.decode(state)
    if found.text is not None:
        return found.text.encode()
    if found.base64 is not None:
        return found.base64
    raise msgspec.ValidationError("the state carries nothing")
