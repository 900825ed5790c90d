"""What callers may write about webhook endpoints, exactly: nothing is coerced, unknown fields are refused."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from services.compliance.api.query_params import (
    AskedPosition,
    EndpointCursor,
    Instant,
    Limit,
    ParkedCursor,
    Position,
    WrittenId,
)
from services.compliance.webhooks.endpoints.store import StartAt
from services.compliance.webhooks.transport.urls import URL_CHARACTERS_MAX
from services.web.event_broadcast import POSITION_MAX
from services.web.event_feed import LIMIT_DEFAULT, LIMIT_MAX
from services.web.input_parsing import INSTANT_SCHEMA, Body
from services.web.products import Product
from shared.events.compliance_events import TYPE_OF

DESCRIPTION_CHARACTERS_MAX: Final = 500
LISTED_MAX: Final = 1000
"""Values of one list of a filter."""

Type = Annotated[str, Field(examples=["selling-suspended", TYPE_OF["selling-suspended"]])]
_Listed: Final = Field(min_length=1, max_length=LISTED_MAX)
Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=URL_CHARACTERS_MAX, pattern=r"^[^\x00]*$"),
    Field(json_schema_extra={"format": "uri"}),
]
Description = Annotated[str, StringConstraints(max_length=DESCRIPTION_CHARACTERS_MAX, pattern=r"^[^\x00]*$")]
BatchMax = Annotated[int, Field(ge=1, le=100, description="Messages that one request may carry; 1: a request is one.")]
EventId = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{32}$"), Field(examples=["eea47d8b8e51bb9c67f0fe0fe0b38f4f"])
]
HeartbeatSeconds = Annotated[
    int, Field(ge=10, le=86_400, description="After so long without a message a signed heartbeat is sent; null: none.")
]


def _without_defaults(schema: dict[str, Any]) -> None:
    """What is left out stays as it is: there are no defaults to show."""
    for described in schema["properties"].values():
        described.pop("default", None)


class FilterBody(Body):
    """Which compliance events are told: an event must pass all members; null: any."""

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
        raise ValueError('it is not null: leave it out, or write "now", to begin with what comes')
    return None if written == "now" else written


Past = Annotated[PlaceBody, WithJsonSchema({"anyOf": [{"const": "origin"}, *_MEMBERS]})]
Start = Annotated[
    PlaceBody | None,
    BeforeValidator(_start),
    WithJsonSchema({"anyOf": [{"enum": ["now", "origin"]}, *_MEMBERS]}),
]
"""None: now."""


class RegistrationBody(Body):
    """A new endpoint. `ed25519`: it also wants signatures that are verified with a public key."""

    url: Url
    description: Description = ""
    filter: FilterBody | None = None
    start: Start = Field(default=None, description="With what it begins; now: with what comes.")
    batch_max: BatchMax = 1
    heartbeat_seconds: HeartbeatSeconds | None = None
    ed25519: bool = False


class ChangeBody(Body):
    """What is to be another; what is left out stays. `filter` null: everything."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    url: Url = ""
    description: Description = ""
    filter: FilterBody | None = None
    state: Literal["active", "paused"] = "active"
    batch_max: BatchMax = 1
    heartbeat_seconds: HeartbeatSeconds | None = None


class ReplayBody(Body):
    """From where everything is told once more."""

    from_: Past = Field(alias="from")


class DryRunBody(Body):
    """From where; left out: from where the endpoint is. `limit`: how many messages at most."""

    from_: Past | None = Field(default=None, alias="from")
    limit: int = Field(default=LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)


class ReleaseBody(Body):
    """Whose messages; left out: those of all partners."""

    partner_id: WrittenId | None = None


class ResendBody(Body):
    """Which compliance event."""

    event_id: EventId


class PageQuestion(BaseModel):
    """A page of the endpoints."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: EndpointCursor = Field(default="", description="`next` of the page before.")
    limit: Limit = Field(default=LIMIT_DEFAULT, description="How many at most.")


class AttemptsQuestion(PageQuestion):
    """A page of the attempts."""

    after: AskedPosition | None = Field(  # type: ignore[assignment]
        default=None, description="`next` of the page before: attempts with lower numbers."
    )


class ParkedQuestion(PageQuestion):
    """A page of the parked messages."""

    after: ParkedCursor = Field(default="0~0", description="`next` of the page before.")


class NothingBody(Body):
    """Nothing: the call says it all."""
