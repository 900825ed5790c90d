"""Facts to stored bytes and back.

The stored bytes of a fact are JSON: `{"fact_id", "recorded_at", "effective_at", "data", "actor",
"correlation_id", "causation_id", "history"}`; the last four only where they are set. Topic and position are columns of
the log. Stored bytes are never rewritten; older versions are lifted on reading (`shared.events.upcasts`).
"""

from datetime import datetime
from typing import Final

import msgspec

from shared.events.envelope import Fact
from shared.events.fact_class import Instant
from shared.events.facts import TOPIC_OF, TOPICS, FactData
from shared.events.upcasts import UPCASTS


class UnknownTopicError(ValueError):
    """The log holds a topic that this version does not know: it was written by a newer one."""


class Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    """The stored bytes of a fact: its envelope, and what it says under `data`.

    `correlation_id`: the fact's own id, or an opaque token of the caller's: a UUID, a ULID, a W3C traceparent, or 16 to
    64 hexadecimal digits; facts that were recorded before that was asked for can hold other text.
    `history`: it was loaded afterwards.
    """

    fact_id: str
    recorded_at: Instant
    effective_at: Instant
    data: msgspec.Raw
    actor: str = ""
    correlation_id: str = ""
    causation_id: str | None = None
    history: bool = False


_encoder: Final = msgspec.json.Encoder()
_envelope_decoder: Final = msgspec.json.Decoder(Stored)
_data_decoders: Final[dict[str, msgspec.json.Decoder[FactData]]] = {
    topic: msgspec.json.Decoder(cls) for topic, cls in TOPICS.items()
}


def instant_text(instant: datetime) -> str:
    """RFC 3339 in UTC with `Z`, microseconds only where they are not zero."""
    text: str = msgspec.to_builtins(instant)
    return text


def encode(fact: Fact) -> tuple[str, bytes]:
    """Topic and stored bytes of a fact."""
    stored = Stored(
        fact_id=fact.fact_id,
        recorded_at=fact.recorded_at,
        effective_at=fact.effective_at,
        data=msgspec.Raw(_encoder.encode(fact.data)),
        actor=fact.actor,
        correlation_id=fact.correlation_id,
        causation_id=fact.causation_id,
        history=fact.history,
    )
    return TOPIC_OF[type(fact.data)], _encoder.encode(stored)


def decode(topic: str, state: bytes, position: int, append_position: int) -> Fact:
    """The fact of a row of the log.

    Raises `UnknownTopicError` for a topic that this version does not know and `msgspec.ValidationError`
    for bytes that do not fit it.
    """
    stored = _envelope_decoder.decode(state)
    raw: bytes | msgspec.Raw = stored.data
    while topic in UPCASTS:
        topic, raw = UPCASTS[topic](bytes(raw))
    decoder = _data_decoders.get(topic)
    if decoder is None:
        raise UnknownTopicError(f"position {position} holds the topic {topic}, unknown to this version: upgrade it")
    return Fact(
        fact_id=stored.fact_id,
        effective_at=stored.effective_at,
        recorded_at=stored.recorded_at,
        data=decoder.decode(raw),
        position=position,
        append_position=append_position,
        actor=stored.actor,
        correlation_id=stored.correlation_id,
        causation_id=stored.causation_id,
        history=stored.history,
    )
