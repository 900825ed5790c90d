"""Golden files: what was once stored means the same for ever."""

from pathlib import Path

import pytest

from shared.events import wire
from shared.events.facts import TOPIC_PREFIX, TOPICS
from shared.events.upcasts import UPCASTS
from tests.contract.golden_facts import GOLDEN, MEANING

FILES = sorted(str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*.json"))


def topic_of(name: str) -> str:
    return TOPIC_PREFIX + Path(name).parent.name


def test_every_golden_file_has_a_meaning_and_every_meaning_a_file() -> None:
    assert set(FILES) == set(MEANING)


@pytest.mark.parametrize("topic", [*TOPICS, *UPCASTS])
def test_every_version_of_every_topic_has_a_golden_file(topic: str) -> None:
    assert any(topic_of(name) == topic for name in FILES), (
        f"add tests/contract/golden/{topic.removeprefix(TOPIC_PREFIX)}/<case>.json, exactly as the log stores it, "
        "and its meaning to tests/contract/golden_facts.py"
    )


@pytest.mark.parametrize("name", FILES)
def test_stored_bytes_decode_to_the_same_values_for_ever(name: str) -> None:
    meaning = MEANING[name]
    assert wire.decode(topic_of(name), (GOLDEN / name).read_bytes(), 0, 0) == meaning


@pytest.mark.parametrize("name", [name for name in FILES if topic_of(name) in TOPICS])
def test_a_fact_of_today_is_written_as_it_was(name: str) -> None:
    """Byte for byte: an optional field added within a version is left out where it is not set."""
    assert wire.encode(MEANING[name]) == (topic_of(name), (GOLDEN / name).read_bytes())


@pytest.mark.parametrize("topic", list(TOPICS))
def test_every_optional_field_is_set_in_one_golden_file_of_its_topic(topic: str) -> None:
    data = [fact.data for name, fact in MEANING.items() if topic_of(name) == topic]
    for field in TOPICS[topic].__struct_fields__:
        assert any(getattr(one, field) is not None for one in data), f"{topic}: no golden file sets {field}"
