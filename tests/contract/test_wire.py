"""Stored bytes and back: nothing is lost, nothing naive gets in, unknown topics are refused."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given

from shared.events import upcasts, wire
from shared.events.envelope import Fact
from shared.events.facts import TOPIC_OF, TOPIC_PREFIX, PartnerClosed, PartnerEnrolled
from tests.contract.strategies import FACTS, INSTANTS

NOON = datetime(2022, 1, 4, 12, tzinfo=UTC)
CLOSED = Fact(fact_id="F1", effective_at=NOON, recorded_at=NOON, data=PartnerClosed(partner_id="P1"))


@given(FACTS)
def test_decoding_undoes_encoding(fact: Fact) -> None:
    topic, state = wire.encode(fact)
    assert topic == TOPIC_OF[type(fact.data)]
    assert wire.decode(topic, state, fact.position, fact.append_position) == fact


@given(FACTS)
def test_encoding_undoes_decoding(fact: Fact) -> None:
    topic, state = wire.encode(fact)
    assert wire.encode(wire.decode(topic, state, 1, 1)) == (topic, state)


@given(INSTANTS)
def test_the_text_of_an_instant_is_what_the_encoder_writes(instant: datetime) -> None:
    """The event store finds the provisional instant in the bytes by this text, and replaces it."""
    assert msgspec.json.encode(instant).decode() == f'"{wire.instant_text(instant)}"'


@given(FACTS)
def test_a_field_that_a_newer_writer_added_is_ignored(fact: Fact) -> None:
    topic, state = wire.encode(fact)
    stored = msgspec.json.decode(state)
    stored["added_later"] = 1
    stored["data"]["added_later"] = {"anything": [None]}
    assert wire.decode(topic, msgspec.json.encode(stored), fact.position, fact.append_position) == fact


def test_an_unknown_topic_is_refused_with_its_position() -> None:
    _, state = wire.encode(CLOSED)
    with pytest.raises(wire.UnknownTopicError, match=r"position 41 .*partner-closed\.v2.* upgrade"):
        wire.decode(TOPIC_PREFIX + "partner-closed.v2", state, 41, 41)


@pytest.mark.parametrize("field", ["recorded_at", "effective_at"])
def test_a_naive_instant_does_not_decode(field: str) -> None:
    topic, state = wire.encode(CLOSED)
    stored = msgspec.json.decode(state)
    stored[field] = "2022-01-04T12:00:00"
    with pytest.raises(msgspec.ValidationError, match="timezone"):
        wire.decode(topic, msgspec.json.encode(stored), 1, 1)


def test_an_older_version_is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions ago the partner's key was called `id`, and one version ago it had no kind."""

    def renamed(data: bytes) -> tuple[str, bytes]:
        old = msgspec.json.decode(data)
        return TOPIC_PREFIX + "partner-joined.v2", msgspec.json.encode({"partner_id": old.pop("id"), **old})

    def with_kind(data: bytes) -> tuple[str, bytes]:
        return TOPIC_OF[PartnerEnrolled], msgspec.json.encode({**msgspec.json.decode(data), "kind": "VAR"})

    monkeypatch.setitem(upcasts.UPCASTS, TOPIC_PREFIX + "partner-joined.v1", renamed)
    monkeypatch.setitem(upcasts.UPCASTS, TOPIC_PREFIX + "partner-joined.v2", with_kind)
    _, state = wire.encode(CLOSED)
    old = state.replace(b'{"partner_id":"P1"}', b'{"id":"P1","programme":"PARTNER_SUCCESS"}')
    fact = wire.decode(TOPIC_PREFIX + "partner-joined.v1", old, 1, 1)
    assert fact.data == PartnerEnrolled(partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
