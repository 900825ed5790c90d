"""docs/events.md lists every event as it is: topic, fields, an example that decodes."""

import json
import re

import msgspec
import pytest

from services.compliance.cloud_event import CloudEvent
from services.compliance.webhooks.message import ResentEvent, WebhookEvent
from shared.events import wire
from shared.events.compliance_events import NAMES, TYPE_OF, ComplianceEventData
from shared.events.endpoint_notices import HEARTBEAT, NOTICES
from shared.events.facts import SYSTEM, TOPIC_OF, TOPIC_PREFIX, TOPICS, FactData, Period
from shared.events.schemas import file_name
from tests.architecture.markdown import code_blocks, read, rows, sections
from tests.contract.golden_facts import GOLDEN, MEANING
from tests.contract.message_validators import validator

SECTIONS = sections(read("docs/events.md"))
CELL_OF_FIELD = re.compile(r"`(\w+)`")


def documented_fields(section: str) -> dict[str, bool]:
    """Field to whether it is required, as the table of the section says."""
    fields = {}
    for name, kind, _meaning in list(rows(section))[1:]:
        match = CELL_OF_FIELD.fullmatch(name)
        assert match, f"{name} is not a field"
        fields[match[1]] = not kind.endswith(", optional")
    return fields


def fields_of(cls: type[msgspec.Struct]) -> dict[str, bool]:
    return {field.encode_name: field.required for field in msgspec.structs.fields(cls)}


@pytest.mark.parametrize("cls", [*TOPICS.values(), Period], ids=lambda cls: cls.__name__)
def test_the_catalogue_names_the_fields_of_each_fact(cls: type[msgspec.Struct]) -> None:
    assert documented_fields(SECTIONS[cls.__name__]) == fields_of(cls)


def test_the_catalogue_names_the_fields_of_the_envelope() -> None:
    assert documented_fields(SECTIONS["The envelope of a fact"]) == fields_of(wire.Stored)


@pytest.mark.parametrize("cls", list(TOPICS.values()), ids=lambda cls: cls.__name__)
def test_the_catalogue_gives_topic_rule_and_schema_of_each_fact(cls: type[FactData]) -> None:
    topic = TOPIC_OF[cls]
    line = SECTIONS[cls.__name__].strip().splitlines()[0]
    schema = f"[schema](../shared/events/schemas/{file_name(topic)})"
    rules = "" if cls in SYSTEM else r"R\d+(, R\d+)* · "
    assert re.fullmatch(rf"`{re.escape(topic)}` · {rules}{re.escape(schema)}", line), f"begins with {line!r}"


@pytest.mark.parametrize("cls", list(TOPICS.values()), ids=lambda cls: cls.__name__)
def test_the_example_of_each_fact_is_a_golden_file(cls: type[FactData]) -> None:
    (example,) = code_blocks(SECTIONS[cls.__name__], "json")
    folder = TOPIC_OF[cls].removeprefix(TOPIC_PREFIX)
    golden = [json.loads((GOLDEN / name).read_bytes())["data"] for name in MEANING if name.startswith(folder + "/")]
    assert json.loads(example) in golden


def test_the_example_of_the_envelope_is_a_golden_file() -> None:
    (example,) = code_blocks(SECTIONS["The envelope of a fact"], "json")
    assert json.loads(example) in [json.loads((GOLDEN / name).read_bytes()) for name in MEANING]


def test_the_example_of_a_period_decodes() -> None:
    (example,) = code_blocks(SECTIONS["Period"], "json")
    assert msgspec.json.encode(msgspec.json.decode(example, type=Period)) == msgspec.json.encode(json.loads(example))


def test_the_catalogue_lists_every_compliance_event_in_order_and_what_it_carries() -> None:
    listed = list(rows(SECTIONS["Compliance events"]))[1:]
    assert [row[0] for row in listed] == [f"`{name}`" for name in NAMES]
    optional = {name for name, required in fields_of(ComplianceEventData).items() if not required}
    optional -= {"fact_ids", "history", "policy_id"}
    carried = {word for row in listed for word in CELL_OF_FIELD.findall(row[3]) if word in optional}
    assert carried == optional


def test_the_catalogue_names_what_a_webhook_adds_and_shows_valid_messages() -> None:
    section = SECTIONS["Messages of webhooks"]
    added = {name: required for name, required in fields_of(WebhookEvent).items() if name not in fields_of(CloudEvent)}
    once_more = fields_of(ResentEvent).keys() - fields_of(CloudEvent).keys()
    assert documented_fields(section) == added | dict.fromkeys(once_more, False)
    event, heartbeat = map(json.loads, code_blocks(section, "json"))
    validator("webhook-message").validate(event)
    validator(HEARTBEAT).validate(heartbeat)
    assert all(kind in section for kind in NOTICES)


def test_the_cloudevents_that_are_shown_are_valid() -> None:
    fact, compliance_event = map(json.loads, code_blocks(SECTIONS["As CloudEvents"], "json"))
    for event in (fact, compliance_event):
        validator(event["type"]).validate(event)
    assert fact["type"] in TOPICS
    assert compliance_event["type"] in TYPE_OF.values()
