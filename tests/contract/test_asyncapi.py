"""docs/asyncapi.yaml describes the two feeds and the messages of webhooks as they are."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import jsonschema
import msgspec
import pytest
from pydantic import SecretStr

from services.certification.api import events as fact_feed
from services.certification.app import create_app
from services.certification.event_store.log_pages import LogEntry
from services.certification.settings import CertificationSettings
from services.compliance.api import events as compliance_feed
from services.compliance.api.openapi import query_parameters
from services.compliance.cloud_event import CloudEvent, cloud_event
from services.compliance.historical_answers.questions import AsOfQuestion
from services.compliance.read_model.event_log import LoggedEvent
from services.compliance.webhooks import message
from services.compliance.webhooks.filter_and_cursor import Cursor
from services.compliance.webhooks.message import Notice, ResentEvent, WebhookEvent
from services.compliance.webhooks.signing import Signer, new_key_pair, new_secret
from shared.events import schemas
from shared.events.compliance_events import TYPE_OF, ComplianceEventData
from shared.events.endpoint_notices import HEARTBEAT, NOTICES, WEBHOOK_TEST
from shared.events.facts import TOPIC_OF, TOPICS
from tests.contract.golden_facts import MEANING
from tests.contract.message_validators import DOCUMENT, HERE, MESSAGES, REGISTRY, message_of, validator

NOON: Final = datetime(2022, 1, 4, 12, tzinfo=UTC)
WEBHOOK_MESSAGE: Final = "webhook-message"


def listed(channel: str) -> list[str]:
    return [MESSAGES[reference["$ref"].rpartition("/")[2]]["name"] for reference in messages_of(channel).values()]


def messages_of(channel: str) -> dict[str, Any]:
    messages: dict[str, Any] = DOCUMENT["channels"][channel]["messages"]
    return messages


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        found = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return found + [one for value in node.values() for one in references(value)]
    if isinstance(node, list):
        return [one for value in node for one in references(value)]
    return []


def test_it_is_an_asyncapi_3_document_of_two_feeds_and_webhooks() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["channels"].keys() == {"facts", "complianceEvents", "webhooks"}
    assert {operation["channel"]["$ref"] for operation in DOCUMENT["operations"].values()} == {
        f"#/channels/{name}" for name in DOCUMENT["channels"]
    }
    assert all(operation["action"] == "send" for operation in DOCUMENT["operations"].values())


def test_every_reference_leads_somewhere() -> None:
    resolver = REGISTRY.resolver(base_uri=HERE)
    for reference in references(DOCUMENT):
        assert resolver.lookup(reference).contents, reference


def test_every_message_is_sent_on_one_channel() -> None:
    sent = [reference["$ref"] for channel in DOCUMENT["channels"] for reference in messages_of(channel).values()]
    assert sorted(sent) == sorted(f"#/components/messages/{name}" for name in MESSAGES)


def test_the_channels_carry_every_type_there_is() -> None:
    assert listed("facts") == list(TOPICS)
    assert listed("complianceEvents") == list(TYPE_OF.values())
    assert listed("webhooks") == [WEBHOOK_MESSAGE, *NOTICES]
    told_types = MESSAGES[message_of(WEBHOOK_MESSAGE)]["payload"]["allOf"][2]["properties"]["type"]
    assert told_types == {"enum": list(TYPE_OF.values())}


def test_the_channels_are_where_the_services_answer() -> None:
    paths = {
        route.path  # type: ignore[attr-defined]  # starlette's base class of routes has no path
        for router in (fact_feed.router, compliance_feed.router)
        for route in router.routes
    }
    of_one_event = {"/compliance/v1/events/{event_id}"}
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == paths - of_one_event | {None}


@pytest.mark.parametrize("topic", [*TOPICS, *TYPE_OF.values(), *NOTICES])
def test_a_message_says_its_own_type(topic: str) -> None:
    _, own = MESSAGES[message_of(topic)]["payload"]["allOf"]
    assert own["properties"]["type"] == {"const": topic}
    if topic not in TYPE_OF.values():
        assert own["properties"]["data"]["$ref"] == f"../shared/events/schemas/{schemas.file_name(topic)}"
    if topic in TOPICS:
        assert MESSAGES[message_of(topic)]["title"] == TOPICS[topic].__name__


@pytest.mark.parametrize(
    ("schema", "event"),
    [("factCloudEvent", fact_feed.CloudEvent), ("complianceCloudEvent", CloudEvent), ("noticeCloudEvent", Notice)],
)
def test_the_attributes_are_those_that_are_sent(schema: str, event: type[msgspec.Struct]) -> None:
    described = DOCUMENT["components"]["schemas"][schema]
    assert set(described["properties"]) == {field.encode_name for field in msgspec.structs.fields(event)}
    assert set(described["required"]) <= set(described["properties"])


def test_the_extensions_of_webhooks_are_those_that_are_sent() -> None:
    described = DOCUMENT["components"]["schemas"]["webhookExtensions"]
    common, *sent = (set(struct.__struct_encode_fields__) for struct in (CloudEvent, WebhookEvent, ResentEvent))
    assert set(described["properties"]) == set().union(*sent) - common


def described_parameters(operation: str) -> dict[str, Any]:
    return properties_of(DOCUMENT["operations"][operation]["bindings"]["http"]["query"])


def properties_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Those of all its parts, in their order."""
    if "$ref" in schema:
        return properties_of(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    parts = [properties_of(part) for part in schema.get("allOf", ())]
    return {name: value for part in (*parts, schema.get("properties", {})) for name, value in part.items()}


def taken_parameters(service: str) -> dict[str, Any]:
    """What the service's own OpenAPI document says it takes in a query."""
    if service == "certification":
        app = create_app(CertificationSettings(database_url=SecretStr("postgresql://unused")))
        operation = app.openapi()["paths"][DOCUMENT["channels"]["facts"]["address"]]["get"]
    else:
        operation = query_parameters(compliance_feed.EventsQuestion)
    return {one["name"]: one["schema"] for one in operation["parameters"] if one["in"] == "query"}


FILTERS: Final = ("type", "partner_id", "product")


def essence(parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: schema.get(key) for key in ("type", "const", "minimum", "maximum", "default", "anyOf")}
        for name, schema in parameters.items()
    }


def test_the_parameters_are_those_that_are_taken() -> None:
    facts, events = taken_parameters("certification"), taken_parameters("compliance")
    for moment in AsOfQuestion.__struct_fields__:
        del events[moment]
    assert essence(described_parameters("readFacts")) == essence(facts)
    assert essence(described_parameters("readComplianceEvents")) == essence(events)


def test_a_stream_takes_the_same_but_for_the_size_of_pages() -> None:
    for page, streamed, filters in (
        ("readFacts", "streamFacts", FILTERS),
        ("readComplianceEvents", "streamComplianceEvents", (*FILTERS, "history")),
    ):
        assert described_parameters(page).keys() - described_parameters(streamed).keys() == {"limit", "timeout"}
        assert tuple(described_parameters(streamed))[1:] == filters


@pytest.mark.parametrize("name", sorted(MEANING))
def test_facts_are_sent_as_described(name: str) -> None:
    fact = MEANING[name]
    topic = TOPIC_OF[type(fact.data)]
    event = json.loads(fact_feed.cloud_event(LogEntry(fact=fact, originator_id="partner-P1")))
    validator(topic).validate(event)
    with pytest.raises(jsonschema.ValidationError):
        validator(topic).validate({**event, "data": {}})


def row(kind: str, position: int = 7) -> LoggedEvent:
    """As the log of compliance events holds it."""
    data = msgspec.json.encode(ComplianceEventData("P1", ("S200P",), ()))
    return LoggedEvent(position, "0123456789abcdef", kind, "P1", ("S200P",), NOON, NOON, 0, "", data)


@pytest.mark.parametrize("topic", list(TYPE_OF.values()))
def test_compliance_events_are_sent_as_described(topic: str) -> None:
    sent = json.loads(msgspec.json.encode(cloud_event(row(topic))))
    validator(topic).validate(sent)
    with pytest.raises(jsonschema.ValidationError):
        validator(topic).validate({**sent, "type": "com.sage.partnercloud.other.v1"})


CURSORS: Final = {
    "plain": Cursor(position=6),
    "replayed": Cursor(position=6, epoch=3, sequence=4, delivered_sequence=4, replay_through=7),
    "after one that is parked": Cursor(position=6, sequence=8, delivered_sequence=7),
    "after several that are parked": Cursor(position=6, epoch=2, sequence=11, delivered_sequence=7),
}


@pytest.mark.parametrize("cursor", CURSORS.values(), ids=CURSORS)
@pytest.mark.parametrize("kind", list(TYPE_OF.values()))
def test_events_are_told_to_endpoints_as_described(kind: str, cursor: Cursor) -> None:
    made = message.next_message(row(kind), cursor, "1:8-11,2:3,more")
    (sent,) = json.loads(message.batch_body([made]))
    assert sent == json.loads(made.body)
    validator(WEBHOOK_MESSAGE).validate(sent)
    validator(kind).validate(sent)
    assert ("parkedearlier" in sent) == (cursor.delivered_sequence == 0)
    others = ({"parked": "8, 9"}, {"parkedearlier": "8-9"}, {"replay": "true"}, {"type": HEARTBEAT})
    for wrong in ({"sequence": "9"}, {"epoch": 0}, *others):
        with pytest.raises(jsonschema.ValidationError):
            validator(WEBHOOK_MESSAGE).validate({**sent, **wrong})


def test_an_event_that_is_sent_once_more_is_sent_as_described() -> None:
    sent = json.loads(message.resent_event_body(row(TYPE_OF["retracted"])))
    validator(WEBHOOK_MESSAGE).validate(sent)
    for wrong in ({"resend": False}, {"epoch": 1, "sequence": 1}):
        with pytest.raises(jsonschema.ValidationError):
            validator(WEBHOOK_MESSAGE).validate({**sent, **wrong})


def test_notices_are_sent_as_described() -> None:
    heartbeat = json.loads(message.heartbeat_body("hb_1", "we_1", Cursor(position=6, sequence=4), NOON))
    trial = json.loads(message.test_event_body("test_1", "we_1", NOON))
    for kind, sent in ((HEARTBEAT, heartbeat), (WEBHOOK_TEST, trial)):
        validator(kind).validate(sent)
        with pytest.raises(jsonschema.ValidationError):
            validator(kind).validate({**sent, "data": {}})


def test_the_headers_are_those_that_are_sent() -> None:
    described = DOCUMENT["components"]["schemas"]["webhookHeaders"]
    headers = Signer([new_secret(), new_secret()], [new_key_pair()]).headers("e1", NOON, b"{}")
    jsonschema.Draft202012Validator({**described, "additionalProperties": False}).validate(headers)
    assert described["required"] == list(headers)
    assert MESSAGES[message_of(HEARTBEAT)]["traits"] == [{"$ref": "#/components/messageTraits/webhook"}]
