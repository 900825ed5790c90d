"""Validators of what is sent, made from docs/asyncapi.yaml and the published schemas."""

from datetime import datetime
from typing import Any, Final

import jsonschema
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from shared.events import schemas
from tests.architecture.markdown import read

HERE: Final = "docs/asyncapi.yaml"
DOCUMENT: Final[dict[str, Any]] = yaml.safe_load(read(HERE))
MESSAGES: Final[dict[str, Any]] = DOCUMENT["components"]["messages"]
REGISTRY: Final = Registry().with_resources(
    [
        (HERE, Resource.from_contents(DOCUMENT, DRAFT202012)),
        *(
            (f"shared/events/schemas/{name}", Resource.from_contents(schema, DRAFT202012))
            for name, schema in schemas.stored().items()
        ),
    ]
)
FORMATS: Final = jsonschema.FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def is_an_instant(value: object) -> bool:
    """An aware instant in UTC, as every instant that is sent."""
    return not isinstance(value, str) or (value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None)


def message_of(topic: str) -> str:
    """The name that the document gives the message of a type."""
    return next(name for name, message in MESSAGES.items() if message["name"] == topic)


def validator(topic: str) -> jsonschema.Draft202012Validator:
    """Validates a CloudEvent of this type."""
    payload = {"$ref": f"{HERE}#/components/messages/{message_of(topic)}/payload"}
    return jsonschema.Draft202012Validator(payload, registry=REGISTRY, format_checker=FORMATS)
