"""The questions, each declared once for its endpoint and its answer, and the messages of processes that replay."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

import msgspec

from services.compliance.policy.parameters import Parameters, parameters_for
from services.compliance.read_model.shared_snapshot import TableSnapshot
from services.web.feed_events import LIMIT_DEFAULT, LIMIT_MAX, POSITION_MAX
from shared.engine import engine_for
from shared.events.compliance_events import Status
from shared.rules.no_effect_reasons import NoEffect

CLAIMS_MAX: Final = 200
"""The most claims of a page: each claim that is not correct is derived by itself."""
PARTNERS_MAX: Final = 200
"""The most partners whose progress is asked for at once."""
HAPPENED_MAX: Final = 200
"""The most entries of the timeline in a comparison."""
COMING_MAX: Final = 20
"""The most coming policies of an answer."""
BEFORE_ALL: Final = (datetime(1970, 1, 1, tzinfo=UTC), "", "", 0)
"""Where the list of windows begins."""


class QueryParameter(NamedTuple):
    """Marks a member of a question that stands in the query string. The caller does not set the other members.

    `form`: how it is written there (`services.compliance.api.query_params`); None: as its type. `least`, `most`: the
    bounds of a number; for a list, `most` is the number of its values.
    """

    description: str
    form: str | None = None
    least: int | None = None
    most: int | None = None


def whole_number(description: str, least: int = 0, most: int = POSITION_MAX) -> QueryParameter:
    """Marks a member that is a whole number within these bounds; by default a position."""
    return QueryParameter(description, "whole number", least, most)


NEXT: Final = "`next` of the page before."
MANY: Final = "How many at most."
MIN_POSITION: Final = whole_number("Wait up to 5 s until it is applied.")
AFTER: Final = whole_number(NEXT)
LIMIT: Final = whole_number(MANY, 1, LIMIT_MAX)
TYPES: Final = QueryParameter("Only these; short or full names.")
ABOUT_PARTNERS: Final = QueryParameter("Only about these.", "id")
PRODUCT: Final = QueryParameter("Only for this product.", "product")
SEARCHED: Final = QueryParameter("Only where the id or the name holds this, case and accents aside.", "search text")


class AsOfMembers(msgspec.Struct, frozen=True):
    """The members of a question that name its moment. `known_at` and `known_position` exclude each other."""

    at: datetime | None = None
    known_at: datetime | None = None
    known_position: int | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="question"):
    """A question: it declares the query string of its endpoint, and is the message to a process that replays history.

    A kind that `worker.ANSWERS` lacks is answered in the serving process.
    """


class FreshQuestion(Question, frozen=True, kw_only=True):
    """`min_position`: the answer waits up to five seconds until the facts up to this position are applied."""

    min_position: Annotated[int | None, MIN_POSITION] = None


class AsOfQuestion(FreshQuestion, frozen=True, kw_only=True):
    """`at` and `known_at` default to now. `known_position` is asked instead of `known_at`."""

    at: Annotated[datetime | None, QueryParameter("True at this instant; it may lie in the future.", "instant")] = None
    known_at: Annotated[datetime | None, QueryParameter("Use only the facts recorded by this instant.", "instant")] = (
        None
    )
    known_position: Annotated[int | None, whole_number("Judged from exactly the facts up to there.")] = None

    @property
    def live(self) -> bool:
        """Whether it asks about now, as known now."""
        return self.at is None and self.known_at is None and self.known_position is None

    @property
    def moment(self) -> AsOfMembers:
        """The `at`, `known_at` and `known_position` of the question."""
        return AsOfMembers(self.at, self.known_at, self.known_position)


class _Page(AsOfQuestion, frozen=True, kw_only=True):
    limit: Annotated[int, LIMIT] = LIMIT_DEFAULT


class PartnerCompliance(AsOfQuestion, frozen=True, kw_only=True):
    """How a partner stands for a product."""

    partner_id: str
    product: str


class PartnerAuthorisation(AsOfQuestion, frozen=True, kw_only=True):
    """Whether a partner may serve such customers."""

    partner_id: str
    product: str
    customer: Annotated[
        Literal["new", "existing"], QueryParameter("A customer that is new, or one that exists already.")
    ]


class PartnerProducts(AsOfQuestion, frozen=True, kw_only=True):
    """How a partner stands for every product."""

    partner_id: str


class PartnerComparison(AsOfQuestion, frozen=True, kw_only=True):
    """How a partner stands at a moment, at the same instant as known now, and now."""

    partner_id: str
    happened: Annotated[
        int, whole_number("How many entries of the timeline after `at` are shown, too.", 0, HAPPENED_MAX)
    ] = 0


class PartnerTimeline(_Page, frozen=True, kw_only=True):
    """The history of a partner after a place in it, at most `limit` entries."""

    partner_id: str
    after: Annotated[str | None, QueryParameter(NEXT, "timeline cursor")] = None


class PartnerStandings(_Page, frozen=True, kw_only=True):
    """How a partner stood over time, the latest `limit` spans of each product."""

    partner_id: str


class ConsultantCertification(AsOfQuestion, frozen=True, kw_only=True):
    """Whether a person is certified for a product."""

    consultant_id: str
    product: str


class ConsultantCertifications(AsOfQuestion, frozen=True, kw_only=True):
    """For which products a person is certified, and what it lacks for the others."""

    consultant_id: str


class PortalChangeNotifications(AsOfQuestion, frozen=True, kw_only=True):
    """Which partners a portal change is communicated to."""

    portal_change_id: str


class PortalChangeTerms(AsOfQuestion, frozen=True, kw_only=True):
    """Which terms of a portal change are in force."""

    portal_change_id: str


class PortalChangeProgress(FreshQuestion, frozen=True, kw_only=True):
    """How far these partners are with the maintenance that a portal change asks for."""

    portal_change_id: str
    partner_id: Annotated[tuple[str, ...], QueryParameter("Of these partners.", "id", most=PARTNERS_MAX)] = ()


class PortalChangesList(_Page, frozen=True, kw_only=True):
    """A page of portal changes, latest announced first, before a place; None: from the latest."""

    after: Annotated[tuple[datetime, str] | None, QueryParameter(NEXT, "portal change cursor")] = None


class PolicyQuestion(AsOfQuestion, frozen=True, kw_only=True):
    """Which policy is in force, and which `coming` ones follow if no fact comes."""

    coming: Annotated[int, whole_number("How many of the policies that follow are shown, too.", 0, COMING_MAX)] = 0


class PartnersList(_Page, frozen=True, kw_only=True):
    """A page of partners after a partner and product; the filters are None or empty where any passes.

    `q`: a part of the id or the name.
    """

    status: Annotated[tuple[Status, ...], QueryParameter("Only with one of these statuses.", most=5)] = ()
    product: Annotated[str | None, PRODUCT] = None
    q: Annotated[str | None, SEARCHED] = None
    after: Annotated[tuple[str, str], QueryParameter(NEXT, "id and product cursor")] = ("", "")


class SuspensionsList(FreshQuestion, frozen=True, kw_only=True):
    """A page of the suspensions of now, the latest first.

    `after`: a place, as the start of a suspension, its partner and its product; None: from the latest.
    """

    product: Annotated[str | None, PRODUCT] = None
    limit: Annotated[int, LIMIT] = LIMIT_DEFAULT
    after: Annotated[tuple[datetime, str, str] | None, QueryParameter(NEXT, "suspension cursor")] = None


class WindowsList(_Page, frozen=True, kw_only=True):
    """A page of windows after a place; the filters are None where any passes."""

    status: Annotated[
        Literal["open", "closed", "expired", "closed_late", "void"] | None, QueryParameter("Only with this outcome.")
    ] = None
    product: Annotated[str | None, PRODUCT] = None
    due_before: Annotated[
        datetime | None,
        QueryParameter("With a deadline before this instant, or before this day in London.", "instant or day"),
    ] = None
    after: Annotated[tuple[datetime, str, str, int], QueryParameter(NEXT, "window cursor")] = BEFORE_ALL


class ConsultantsOfPartner(_Page, frozen=True, kw_only=True):
    """A page of people and products after a person and product; the filters are None where any passes.

    `partner_id`: only who is linked to it. `held`: the snapshot of the table of which this is a page.
    """

    partner_must_be_known: ClassVar[bool] = True
    product: Annotated[str | None, PRODUCT] = None
    certified: Annotated[bool | None, QueryParameter("Only who is certified, or only who is not.", "true or false")] = (
        None
    )
    after: Annotated[tuple[str, str], QueryParameter(NEXT, "id and product cursor")] = ("", "")
    partner_id: str | None = None
    q: str | None = None
    held: TableSnapshot | None = None


class ConsultantsList(ConsultantsOfPartner, frozen=True, kw_only=True):
    """The same across all partners. A `partner_id` that no fact names is allowed."""

    partner_must_be_known: ClassVar[bool] = False
    partner_id: Annotated[str | None, QueryParameter("Only who is linked to this partner.", "id")] = None
    q: Annotated[str | None, SEARCHED] = None


class MaintenanceList(_Page, frozen=True, kw_only=True):
    """A page of maintenance that is owed, after a place; the filters are None where any passes.

    `due_from`: only what is due on this day or later. `due_before`: only what is due on a day before this. `held`: the
    snapshot of the table of which this is a page.
    """

    due_from: Annotated[date | None, QueryParameter("Due on this day in London, or later.", "first day")] = None
    due_before: Annotated[
        date | None, QueryParameter("Due before this instant, or before this day in London.", "bound of days")
    ] = None
    portal_change_id: Annotated[str | None, QueryParameter("Only for this portal change.", "id")] = None
    product: Annotated[str | None, PRODUCT] = None
    partner_id: Annotated[str | None, QueryParameter("Only by who is linked to this partner.", "id")] = None
    after: Annotated[tuple[date, str, str, str], QueryParameter(NEXT, "maintenance cursor")] = (date.min, "", "", "")
    held: TableSnapshot | None = None


class DueDays(FreshQuestion, frozen=True, kw_only=True):
    """The days by which a partner (None: every partner) has something to do. `path`: of the answer."""

    partner_id: str | None
    form: Literal["calendar", "feed"]
    path: str


class FactsWithoutEffect(_Page, frozen=True, kw_only=True):
    """A page of facts that changed nothing, after a place; the filters are None where any passes."""

    partner_id: Annotated[str | None, QueryParameter("Only those that name this partner.", "id")] = None
    consultant_id: Annotated[str | None, QueryParameter("Only those about this consultant.", "id")] = None
    reason: Annotated[NoEffect | None, QueryParameter("Only for this reason.")] = None
    order: Annotated[Literal["oldest", "newest"], QueryParameter("Which facts of the log come first.")] = "oldest"
    after: Annotated[str | None, QueryParameter(NEXT, "facts cursor")] = None


class PartnerExplanation(AsOfQuestion, frozen=True, kw_only=True):
    """Why a partner stands as it does for a product. `proofs`: `none` leaves out what proves the facts."""

    partner_id: str
    product: str
    proofs: Annotated[
        Literal["inline", "none"],
        QueryParameter("Whether each fact carries its sealed text and its proof, or only where the proof is."),
    ] = "inline"


class PartnerChanges(FreshQuestion, frozen=True, kw_only=True):
    """What was learned about a partner between two instants (None: `at`, and now), after a position."""

    partner_id: str
    at: Annotated[datetime | None, QueryParameter("True at this instant; without it now.", "instant")] = None
    known_from: Annotated[datetime | None, QueryParameter("As known then; without it as known at `at`.", "instant")] = (
        None
    )
    known_to: Annotated[datetime | None, QueryParameter("To what is known then; without it now.", "instant")] = None
    after: Annotated[int | None, AFTER] = None
    limit: Annotated[int, LIMIT] = LIMIT_DEFAULT


class PartnerClaims(Question, frozen=True, kw_only=True):
    """A page of the claims about a partner, after a number."""

    partner_id: Annotated[str, QueryParameter("Those about this partner.", "id")]
    after: Annotated[int, AFTER] = 0
    limit: Annotated[int, whole_number(MANY, 1, CLAIMS_MAX)] = 50


class HypotheticalFact(msgspec.Struct, frozen=True):
    """A fact that might be recorded. `type`: its topic; `data`: what it says, in JSON.

    `effective_at` None: the instant of the answer. `causation_id`: of a decision, the fact from which it follows.
    """

    fact_id: str
    type: str
    effective_at: datetime | None
    causation_id: str | None
    data: bytes


class Preview(Question, frozen=True, kw_only=True):
    """What facts would change if they were recorded now, for at most `limit` partners after a partner."""

    facts: tuple[HypotheticalFact, ...]
    after: str
    limit: int


class WorkerSettings(msgspec.Struct, frozen=True):
    """The first message to a process. `parent`: the id of the serving process. `niceness`: see `lower_priority`."""

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
decode_reply: Final[Callable[[bytes], Reply]] = msgspec.msgpack.Decoder(Reply).decode
decode_settings: Final = msgspec.msgpack.Decoder(WorkerSettings).decode
