"""Published schemas are frozen: within a version they gain optional fields, nothing else."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from shared.events import schemas, wire
from shared.events.endpoint_notices import NOTICES
from shared.events.envelope import Fact
from shared.events.facts import TOPIC_PREFIX, TOPICS
from shared.events.schemas.__main__ import ADVICE, main
from shared.events.schemas.compatibility import breaks
from tests.contract.golden_facts import GOLDEN, MEANING
from tests.contract.message_validators import FORMATS
from tests.contract.strategies import FACTS

RENEW = "run `python -m shared.events.schemas --write` and commit the files with an entry in CHANGELOG.md"
PUBLISHED = {
    name: jsonschema.Draft202012Validator(schema, format_checker=FORMATS) for name, schema in schemas.stored().items()
}


def test_there_is_a_schema_for_every_topic_the_envelope_the_compliance_events_and_the_notices() -> None:
    assert set(PUBLISHED) == {schemas.file_name(topic) for topic in (*TOPICS, *NOTICES)} | {
        schemas.ENVELOPE,
        schemas.COMPLIANCE_EVENT,
    }


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_published_schema_changes_only_by_optional_additions(name: str) -> None:
    broken = breaks(schemas.stored()[name], schemas.derived()[name])
    assert not broken, f"{name}: {'; '.join(broken)}. {ADVICE}"


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_published_schema_is_that_of_the_class(name: str) -> None:
    assert schemas.stored()[name] == schemas.derived()[name], RENEW
    assert (schemas.FOLDER / name).read_bytes() == schemas.file_bytes(schemas.derived()[name]), RENEW


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_published_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(PUBLISHED[name].schema)


@pytest.mark.parametrize("name", sorted(MEANING))
def test_golden_files_are_valid_under_the_published_schemas(name: str) -> None:
    stored = json.loads((GOLDEN / name).read_bytes())
    PUBLISHED[schemas.ENVELOPE].validate(stored)
    PUBLISHED[Path(name).parent.name + ".json"].validate(stored["data"])


@settings(max_examples=50)
@given(FACTS)
def test_whatever_is_encoded_is_valid_under_the_published_schemas(fact: Fact) -> None:
    topic, state = wire.encode(fact)
    stored = json.loads(state)
    PUBLISHED[schemas.ENVELOPE].validate(stored)
    PUBLISHED[schemas.file_name(topic)].validate(stored["data"])


PARTNER: dict[str, Any] = {
    "type": "object",
    "properties": {"partner_id": {"type": "string"}, "kind": {"enum": ["DEVELOPER", "VAR"]}},
    "required": ["partner_id", "kind"],
}
CITY = {"type": "string", "default": ""}


def partner(**changes: Any) -> dict[str, Any]:
    return {**PARTNER, **changes}


@pytest.mark.parametrize(
    "proposed",
    [
        partner(),
        partner(title="Partner", description="Better words"),
        partner(properties={**PARTNER["properties"], "city": CITY}),
        partner(**{"$defs": {"City": {"type": "string"}}}),
    ],
    ids=["nothing", "wording", "optional field", "definition"],
)
def test_these_changes_are_compatible(proposed: dict[str, Any]) -> None:
    assert breaks(PARTNER, proposed) == []


@pytest.mark.parametrize(
    ("proposed", "sentence"),
    [
        (partner(properties={"partner_id": {"type": "string"}}), "/properties/kind would be gone"),
        (partner(required=["partner_id"]), "/required was"),
        (partner(required=["partner_id", "kind", "city"]), "/required was"),
        (
            partner(properties={"partner_id": {"type": "integer"}, "kind": {"enum": ["DEVELOPER", "VAR"]}}),
            "/properties/partner_id/type was 'string' and would be 'integer'",
        ),
        (
            partner(properties={"partner_id": {"type": "string"}, "kind": {"enum": ["DEVELOPER", "OEM", "VAR"]}}),
            "/properties/kind/enum was",
        ),
        (partner(additionalProperties=False), "/additionalProperties was None and would be False"),
    ],
    ids=["field gone", "no longer required", "newly required", "type", "enum value", "closed"],
)
def test_these_changes_break_readers(proposed: dict[str, Any], sentence: str) -> None:
    problems = breaks(PARTNER, proposed)
    assert len(problems) == 1
    assert problems[0].startswith(sentence)


def test_the_command_refuses_to_overwrite_a_published_schema_incompatibly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, schema in schemas.stored().items():
        (tmp_path / name).write_bytes(schemas.file_bytes(schema))
    published = tmp_path / "partner-closed.v1.json"
    schema = json.loads(published.read_bytes())
    schema["properties"]["closed_by"] = {"type": "string"}
    published.write_bytes(schemas.file_bytes(schema))
    monkeypatch.setattr(schemas, "FOLDER", tmp_path)
    before = published.read_bytes()

    assert main(["--write"]) == 1
    assert published.read_bytes() == before
    assert "partner-closed.v1.json: /properties/closed_by would be gone" in capsys.readouterr().err


def test_the_command_writes_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schemas, "FOLDER", tmp_path)
    assert main([]) == 1
    assert main(["--write"]) == 0
    assert main([]) == 0
    assert capsys.readouterr().out.endswith("every schema is up to date\n")
    assert {path.name for path in tmp_path.iterdir()} == set(PUBLISHED)
    assert main(["--wirte"]) == 2


def test_file_names_are_topics_without_their_prefix() -> None:
    assert schemas.file_name(TOPIC_PREFIX + "partner-closed.v1") == "partner-closed.v1.json"
