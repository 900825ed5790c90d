"""JSON Schemas (draft 2020-12) of the event contract: made from the classes, stored, frozen by a test.

One file for the data of each topic, named after the topic without its prefix
(`partner-enrolled.v1.json`), `stored-fact.v1.json` for the envelope in which the log keeps it
(`shared.events.wire`), `compliance-event.v1.json` for the data of every compliance event, and one for the data of
each notice to a webhook endpoint.
Readers outside this repository may rely on them: within a version a schema may gain optional
fields and better wording, nothing else (`compatibility.breaks`).

`python -m shared.events.schemas` compares the files with the classes, `--write` renews them.
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from shared.events.compliance_events import ComplianceEventData
from shared.events.endpoint_notices import NOTICES
from shared.events.facts import TOPIC_PREFIX, TOPICS
from shared.events.wire import Stored

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FOLDER: Final = Path(__file__).parent
ENVELOPE: Final = "stored-fact.v1.json"
COMPLIANCE_EVENT: Final = "compliance-event.v1.json"

Schema = dict[str, Any]


def file_name(topic: str) -> str:
    """The name of the file that holds the schema of the topic's data."""
    return topic.removeprefix(TOPIC_PREFIX) + ".json"


def derived() -> dict[str, Schema]:
    """File name to schema, as the classes say it today."""
    schemas = {file_name(topic): _schema(topic, cls) for topic, cls in TOPICS.items()}
    schemas |= {file_name(kind): _schema(kind, cls) for kind, cls in NOTICES.items()}
    schemas[ENVELOPE] = _schema("The stored bytes of a fact", Stored)
    schemas[COMPLIANCE_EVENT] = _schema("The data of a compliance event", ComplianceEventData)
    return schemas


def stored() -> dict[str, Schema]:
    """File name to schema, as published."""
    return {path.name: msgspec.json.decode(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}


def file_bytes(schema: Schema) -> bytes:
    """The schema as it lies in its file."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


def _schema(title: str, cls: type[msgspec.Struct]) -> Schema:
    made = msgspec.json.schema(cls)
    definitions: dict[str, Schema] = made["$defs"]
    root = definitions.pop(cls.__name__)
    schema = {"$schema": DIALECT, **root, "title": title}
    if definitions:
        schema["$defs"] = definitions
    as_read: Schema = msgspec.json.decode(msgspec.json.encode(_with_clean_descriptions(schema)))
    return as_read


def _with_clean_descriptions(schema: Schema) -> Schema:
    """Docstrings carry the indentation of the source: a moved class must not change its schema."""
    return {key: _clean(key, value) for key, value in schema.items()}


def _clean(key: str, value: object) -> object:
    if key == "description" and isinstance(value, str):
        return inspect.cleandoc(value)
    if isinstance(value, Mapping):
        return _with_clean_descriptions(dict(value))
    return value
