"""What callers may write about webhook endpoints, exactly: nothing is coerced, unknown fields are refused."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from services.compliance.api.query_params import Instant, Position, WrittenId
from services.compliance.historical_answers.questions import LIMIT, NEXT, QueryParameter, Question, whole_number
from services.compliance.webhooks.endpoints.store import StartAt
from services.compliance.webhooks.transport.urls import URL_CHARACTERS_MAX
from services.web.feed_events import LIMIT_DEFAULT, LIMIT_MAX, POSITION_MAX
from services.web.input_parsing import INSTANT_SCHEMA, Body
from services.web.sold_products import Product
from shared.events.compliance_events import TYPE_OF

DESCRIPTION_CHARACTERS_MAX: Final = 500
LISTED_MAX: Final = 1000
"""Values of one list of a filter."""

Type = Annotated[str, Field(examples=["selling-suspended", TYPE_OF["selling-suspended"]])]
_Listed: Final = Field(min_length=1, max_length=LISTED_MAX)
Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=URL_CHARACTERS_MAX, pattern=r"^[^\x00]*$"),
    Field(json_schema_extra={"format": "uri"}, examples=["https://portal.example/hooks"]),
]
Description = Annotated[
    str,
    StringConstraints(max_length=DESCRIPTION_CHARACTERS_MAX, pattern=r"^[^\x00]*$"),
    Field(examples=["orders of the portal"]),
]
BatchMax = Annotated[int, Field(ge=1, le=100, description="Messages that one request may carry; 1: a request is one.")]
EventId = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{32}$"), Field(examples=["eea47d8b8e51bb9c67f0fe0fe0b38f4f"])
]
HeartbeatSeconds = Annotated[
    int, Field(ge=10, le=86_400, description="After so long without a message a signed heartbeat is sent; null: none.")
]


def _without_defaults(schema: dict[str, Any]) -> None:
    """Removes the defaults from the schema: a member left out stays as it is."""
    for described in schema["properties"].values():
        described.pop("default", None)


class FilterBody(Body):
    """Which compliance events are sent: an event must pass all members; null: any."""

    types: Annotated[list[Type], _Listed] | None = Field(
        default=None, description="Types of events; short or full names."
    )
    partner_ids: Annotated[list[WrittenId], _Listed] | None = Field(
        default=None, description="Partners; they may still be unknown."
    )
    products: Annotated[list[Product], _Listed] | None = Field(
        default=None, description="Events about at least one of these products."
    )
    history: Literal[False] | None = Field(
        default=None, description="false: without the events that follow from facts that were loaded afterwards."
    )


class PlaceBody(Body):
    """A place in the log of compliance events, as it was written: a word or one of two members."""

    position: Position | None = None
    at: Instant | None = None

    @model_validator(mode="before")
    @classmethod
    def _written(cls, written: Any) -> Any:
        if written == "origin":
            return {"position": 0}
        if not isinstance(written, dict) or len(written.keys() & {"position", "at"}) != 1:
            raise ValueError('write "origin", {"position": P} or {"at": "<instant>"}; a start can also be "now"')
        return written

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.position is None and self.at is None:
            raise ValueError("position and at are not null")
        return self

    @property
    def place(self) -> StartAt:
        """Where that is."""
        return self.at if self.position is None else self.position


_MEMBERS: Final[list[dict[str, Any]]] = [
    {
        "type": "object",
        "properties": {"position": {"type": "integer", "minimum": 0, "maximum": POSITION_MAX}},
        "required": ["position"],
        "additionalProperties": False,
        "description": "Begins with the event after this position.",
    },
    {
        "type": "object",
        "properties": {"at": INSTANT_SCHEMA},
        "required": ["at"],
        "additionalProperties": False,
        "description": "Begins with the first event recorded at or after this instant.",
    },
]


def _start(written: object) -> object:
    if written is None:
        raise ValueError('null is not accepted: leave it out, or write "now", to begin with the next event')
    return None if written == "now" else written


ReplayStart = Annotated[PlaceBody, WithJsonSchema({"anyOf": [{"const": "origin"}, *_MEMBERS]})]
Start = Annotated[
    PlaceBody | None, BeforeValidator(_start), WithJsonSchema({"anyOf": [{"enum": ["now", "origin"]}, *_MEMBERS]})
]
"""None: now."""


class RegistrationBody(Body):
    """A new endpoint. `ed25519`: it also wants signatures that are verified with a public key."""

    url: Url
    description: Description = ""
    filter: FilterBody | None = None
    start: Start = Field(default=None, description="Where it begins; now: with the next event.")
    batch_max: BatchMax = 1
    heartbeat_seconds: HeartbeatSeconds | None = None
    ed25519: bool = False


class ChangeBody(Body):
    """The members to change; the others stay. `filter` null: every event."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    url: Url = ""
    description: Description = ""
    filter: FilterBody | None = None
    state: Literal["active", "paused"] = "active"
    batch_max: BatchMax = 1
    heartbeat_seconds: HeartbeatSeconds | None = None


class ReplayBody(Body):
    """The place from which every event is sent again."""

    from_: ReplayStart = Field(alias="from")


class DryRunBody(Body):
    """The place to begin at; by default that of the endpoint. `limit`: how many messages at most."""

    from_: ReplayStart | None = Field(default=None, alias="from")
    limit: int = Field(default=LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)


class ReleaseBody(Body):
    """The partner whose messages are released; by default all partners."""

    partner_id: WrittenId | None = None


class ResendBody(Body):
    """Which compliance event."""

    event_id: EventId


class PageQuestion(Question, frozen=True, kw_only=True):
    """A page of the endpoints."""

    after: Annotated[str, QueryParameter(NEXT, "endpoint cursor")] = ""
    limit: Annotated[int, LIMIT] = LIMIT_DEFAULT


class AttemptsQuestion(Question, frozen=True, kw_only=True):
    """A page of the attempts."""

    after: Annotated[int | None, whole_number(f"{NEXT[:-1]}: attempts with lower numbers.")] = None
    limit: Annotated[int, LIMIT] = LIMIT_DEFAULT


class ParkedQuestion(Question, frozen=True, kw_only=True):
    """A page of the parked messages."""

    after: Annotated[str, QueryParameter(NEXT, "parked cursor")] = "0~0"
    limit: Annotated[int, LIMIT] = LIMIT_DEFAULT


class NothingBody(Body):
    """An empty body."""
