"""The messages to and from the processes that replay history."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Final, Literal

import msgspec

from services.compliance.policy.parameters import Parameters, parameters_for
from shared.engine import engine_for


class AsOfMembers(msgspec.Struct, frozen=True):
    """The members of a question that name its moment. `known_at` and `known_position` exclude each other."""

    at: datetime | None = None
    known_at: datetime | None = None
    known_position: int | None = None


class _Question(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    moment: AsOfMembers


class PartnerCompliance(_Question, frozen=True, kw_only=True):
    """How a partner stands for a product."""

    partner_id: str
    product: str


class PartnerAuthorisation(_Question, frozen=True, kw_only=True):
    """Whether a partner may serve such customers."""

    partner_id: str
    product: str
    customer: Literal["new", "existing"]


class PartnerProducts(_Question, frozen=True, kw_only=True):
    """How a partner stands for every product."""

    partner_id: str


class PartnerTimeline(_Question, frozen=True, kw_only=True):
    """The history of a partner after a place in it, at most `limit` entries."""

    partner_id: str
    after: str | None
    limit: int


class PartnerStandings(_Question, frozen=True, kw_only=True):
    """How a partner stood over time, the latest `limit` spans of each product."""

    partner_id: str
    limit: int


class ConsultantCertification(_Question, frozen=True, kw_only=True):
    """Whether a person is certified for a product."""

    consultant_id: str
    product: str


class PortalChangeNotifications(_Question, frozen=True, kw_only=True):
    """Which partners a portal change is communicated to."""

    portal_change_id: str


class PortalChangesList(_Question, frozen=True, kw_only=True):
    """A page of portal changes, latest announced first, before a place; None: from the latest."""

    after: tuple[datetime, str] | None
    limit: int


class PolicyQuestion(_Question, frozen=True, kw_only=True):
    """Which policy is in force."""


class PartnersList(_Question, frozen=True, kw_only=True):
    """A page of partners after a partner and product; the filters are None or empty where any passes.

    `q`: a part of the id or the name.
    """

    after: tuple[str, str]
    limit: int
    statuses: tuple[str, ...]
    product: str | None
    q: str | None


class WindowsList(_Question, frozen=True, kw_only=True):
    """A page of windows after a place; the filters are None where any passes."""

    after: tuple[datetime, str, str, int]
    limit: int
    status: str | None
    product: str | None
    due_before: datetime | None


class ConsultantsList(_Question, frozen=True, kw_only=True):
    """A page of people and products after a person and product; the filters are None where any passes.

    `partner_id`: only who is linked to it. `of_path`: the list is the partner's own, which must be known.
    """

    after: tuple[str, str]
    limit: int
    partner_id: str | None
    of_path: bool
    product: str | None
    certified: bool | None
    q: str | None


class MaintenanceList(_Question, frozen=True, kw_only=True):
    """A page of maintenance that is owed, after a place; the filters are None where any passes.

    `due_before`: only what is due on a day before this.
    """

    after: tuple[date, str, str, str]
    limit: int
    partner_id: str | None
    portal_change_id: str | None
    product: str | None
    due_before: date | None


class DueDays(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The days by which a partner (None: every partner) has something to do. `path`: of the answer."""

    partner_id: str | None
    form: Literal["calendar", "feed"]
    path: str


class FactsWithoutEffect(_Question, frozen=True, kw_only=True):
    """A page of facts that changed nothing, after a place; the filters are None where any passes."""

    partner_id: str | None
    consultant_id: str | None
    reason: str | None
    after: str | None
    limit: int


class PartnerExplanation(_Question, frozen=True, kw_only=True):
    """Why a partner stands as it does for a product; `page`: as a page to print."""

    partner_id: str
    product: str
    page: bool


class PartnerChanges(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What was learned about a partner between two instants (None: `at`, and now), after a position."""

    partner_id: str
    at: datetime | None
    known_from: datetime | None
    known_to: datetime | None
    after: int | None
    limit: int


class PartnerClaims(_Question, frozen=True, kw_only=True):
    """A page of the claims about a partner, after a number."""

    partner_id: str
    after: int
    limit: int


class HypotheticalFact(msgspec.Struct, frozen=True):
    """A fact that might be recorded. `type`: its topic; `data`: what it says, in JSON.

    `effective_at` None: the instant of the answer. `causation_id`: of a decision, the fact from which it follows.
    """

    fact_id: str
    type: str
    effective_at: datetime | None
    causation_id: str | None
    data: bytes


class Preview(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What facts would change if they were recorded now, for at most `limit` partners after a partner."""

    facts: tuple[HypotheticalFact, ...]
    after: str
    limit: int


HistoryQuery = (
    PartnerCompliance
    | PartnerAuthorisation
    | PartnerProducts
    | PartnerTimeline
    | PartnerStandings
    | ConsultantCertification
    | PortalChangeNotifications
    | PolicyQuestion
    | PartnersList
    | WindowsList
    | ConsultantsList
    | MaintenanceList
    | DueDays
    | FactsWithoutEffect
    | PartnerClaims
    | PartnerExplanation
    | PartnerChanges
    | Preview
    | PortalChangesList
)


class WorkerSettings(msgspec.Struct, frozen=True):
    """The first message to a process. `parent`: the id of the serving process. `niceness`: see `os.nice`."""

    parent: int
    niceness: int
    seconds_max: float
    database_url: str
    database_role: str | None
    database_schema: str
    products: tuple[str, ...]

    @property
    def parameters(self) -> Parameters:
        """The policy by which the process answers; its version is the id of the engine."""
        return parameters_for(self.products, engine_for(self.products).engine_id)


class Answered(msgspec.Struct, frozen=True, tag=True):
    """The body of the answer, in JSON."""

    body: bytes


class Refused(msgspec.Struct, frozen=True, tag=True):
    """Why there is no answer: the name of a refusal in `pool.REFUSALS`, and its text."""

    refusal: str
    detail: str
    parameter: str | None


class DatabaseAway(msgspec.Struct, frozen=True, tag=True):
    """The database does not answer."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A bug; `trace` goes to the log."""

    trace: str


Reply = Answered | Refused | DatabaseAway | Failed

encode: Final = msgspec.msgpack.Encoder().encode
decode_question: Final[Callable[[bytes], HistoryQuery]] = msgspec.msgpack.Decoder(HistoryQuery).decode
decode_reply: Final[Callable[[bytes], Reply]] = msgspec.msgpack.Decoder(Reply).decode
decode_settings: Final = msgspec.msgpack.Decoder(WorkerSettings).decode
