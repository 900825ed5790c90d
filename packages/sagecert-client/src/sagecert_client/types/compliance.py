"""The types of the compliance service. Written by `python -m tests.client.generator --write`; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from sagecert_client.types.reasons import NoEffect

NothingBody: TypeAlias = "dict[str, Any]"

Problem: TypeAlias = "dict[str, Any]"

FieldError: TypeAlias = "dict[str, Any]"


class ChangeBody(TypedDict):
    """The members to change; the others stay. `filter` null: every event."""

    url: NotRequired[str]
    description: NotRequired[str]
    filter: NotRequired[FilterBody | None]
    state: NotRequired[Literal["active", "paused"]]
    batch_max: NotRequired[int]
    heartbeat_seconds: NotRequired[int | None]


DryRunBody = TypedDict(
    "DryRunBody", {"from": "NotRequired[Literal['origin'] | dict[str, Any] | None]", "limit": "NotRequired[int]"}
)
"""The place to begin at; by default that of the endpoint. `limit`: how many messages at most."""


class FilterBody(TypedDict):
    """Which compliance events are sent: an event must pass all members; null: any."""

    types: NotRequired[list[str] | None]
    partner_ids: NotRequired[list[str] | None]
    products: NotRequired[list[str] | None]
    history: NotRequired[Literal[False] | None]


class HypotheticalFactBody(TypedDict):
    """A fact that might be recorded, as `show_facts` of a validated batch shows it."""

    fact_id: str
    type: Literal[
        "com.sage.partnercloud.partner-enrolled.v1",
        "com.sage.partnercloud.partner-kind-changed.v1",
        "com.sage.partnercloud.partner-programme-changed.v1",
        "com.sage.partnercloud.partner-closed.v1",
        "com.sage.partnercloud.partners-merged.v1",
        "com.sage.partnercloud.consultant-linked.v1",
        "com.sage.partnercloud.consultant-left.v1",
        "com.sage.partnercloud.course-completed.v1",
        "com.sage.partnercloud.exam-registered.v1",
        "com.sage.partnercloud.attempt-scored.v1",
        "com.sage.partnercloud.score-corrected.v1",
        "com.sage.partnercloud.certification-recognised.v1",
        "com.sage.partnercloud.revocation-ordered.v1",
        "com.sage.partnercloud.portal-change-declared.v1",
        "com.sage.partnercloud.portal-change-corrected.v1",
        "com.sage.partnercloud.policy-revised.v1",
        "com.sage.partnercloud.fact-voided.v1",
        "com.sage.partnercloud.consultant-certified.v1",
        "com.sage.partnercloud.certification-revoked.v1",
        "com.sage.partnercloud.maintenance-completed.v1",
    ]
    effective_at: NotRequired[str | None]
    causation_id: NotRequired[str | None]
    data: dict[str, Any]


class MinimumBody(TypedDict):
    """Counted consultants that a partner of each kind must keep (R10): of one kind or of both."""

    VAR: NotRequired[int | None]
    DEVELOPER: NotRequired[int | None]


class PlaceBody(TypedDict):
    """A place in the log of compliance events, as it was written: a word or one of two members."""

    position: NotRequired[int | None]
    at: NotRequired[str | None]


class PreviewBody(TypedDict):
    """The facts in the order in which they would be recorded, and a page of the partners that they concern."""

    facts: list[HypotheticalFactBody]
    after: NotRequired[str | None]
    limit: NotRequired[int]


class RegistrationBody(TypedDict):
    """A new endpoint. `ed25519`: it also wants signatures that are verified with a public key."""

    url: str
    description: NotRequired[str]
    filter: NotRequired[FilterBody | None]
    start: NotRequired[Literal["now", "origin"] | dict[str, Any]]
    batch_max: NotRequired[int]
    heartbeat_seconds: NotRequired[int | None]
    ed25519: NotRequired[bool]


class ReleaseBody(TypedDict):
    """The partner whose messages are released; by default all partners."""

    partner_id: NotRequired[str | None]


ReplayBody = TypedDict("ReplayBody", {"from": "Literal['origin'] | dict[str, Any]"})
"""The place from which every event is sent again."""


class ResendBody(TypedDict):
    """Which compliance event."""

    event_id: str


WhatIfBody = TypedDict(
    "WhatIfBody",
    {
        "window_days": "NotRequired[int | None]",
        "minimum": "NotRequired[MinimumBody | None]",
        "programmes": "NotRequired[list[str] | None]",
        "from": "NotRequired[str | None]",
        "at": "NotRequired[str | None]",
        "known_at": "NotRequired[str | None]",
    },
)
"""The terms of the other policy (R39); a term left out stays as it is, and one is needed."""


class EventCountsAnswer(TypedDict):
    """The counts in the order of the instants, and the newest events since the earliest of them, newest first."""

    counts: list[EventCounts]
    newest: list[CloudEvent]


class EventCounts(TypedDict):
    """The events recorded from an instant on (null: ever), by type, the most frequent first; none is left out."""

    recorded_from: str | None
    types: list[EventCount]


class EventCount(TypedDict):
    """How many events of one type there are. `more`: there are others, which are not counted."""

    type: str
    count: int
    more: bool


class CloudEvent(TypedDict):
    """A compliance event as a CloudEvent 1.0. `subject` is the partner; `time` is when it was true."""

    id: str
    type: str
    subject: str
    time: str
    recordedtime: str
    specversion: str
    source: str
    datacontenttype: str
    position: int
    data: Any
    about: NotRequired[str]


class NamesAnswer(TypedDict):
    """The names by id. An id without a name, or whose name is erased, is left out."""

    partners: dict[str, str]
    consultants: dict[str, str]


class PartnerProgress(TypedDict):
    """One partner. `asked`: of the people who count for it, by product; `owed`: what of it they still owe."""

    partner_id: str
    asked: int
    owed: int


class EventsOfFactAnswer(TypedDict):
    """A page of the events that a fact led to, together with the facts appended with it."""

    fact_id: str
    append_position: int
    applied: bool
    events: list[CloudEvent]
    next: int | None


class RecordedEventsAnswer(TypedDict):
    """A page of events, newest first. `next`: the `after` of the next page, with older events; null: there is none."""

    events: list[CloudEvent]
    next: int | None


class Total(TypedDict):
    """How many there are. `more`: there are others, which are not counted."""

    count: int
    more: bool


class FirstRows(TypedDict):
    """The first rows of each kind, as the lists show them: the latest suspensions, the windows that end soonest."""

    suspensions: list[PartnerItem]
    windows: list[WindowItem]
    maintenance_due: list[MaintenanceItem]
    maintenance_overdue: list[MaintenanceItem]


class PartnerItem(TypedDict):
    """How one partner stands for one product. `name`: null if it is unknown or erased."""

    partner_id: str
    name: str | None
    product: str
    status: Literal["compliant", "in_window", "not_enrolled", "not_yet_authorised", "suspended"]
    since: str | None
    headcount: int
    minimum: int | None
    shortfall: int | None
    missing: int | None
    reason: LeadingReason
    lost: ListsLostConsultant | None
    next_change_at: str | None


class LeadingReason(TypedDict):
    """The first of the reasons that an answer gives: the rule, and a sentence."""

    rule: str
    text: str


class ListsLostConsultant(TypedDict):
    """The last person who ceased to count and is not back, and when. `name`: null if it is unknown or erased."""

    consultant_id: str
    name: str | None
    at: str


class WindowItem(TypedDict):
    """One replacement window. `number`: its place among those of the partner and product, from 1."""

    deadline_at: str
    partner_id: str
    name: str | None
    product: str
    number: int
    deadline_on: str
    opened_at: str
    closed_at: str | None
    outcome: Literal["closed", "closed_late", "expired", "open", "void"]
    policy_id: str
    next_change_at: str | None


class MaintenanceItem(TypedDict):
    """Maintenance that a person owes for a product. `name`, `partner_name`: null where unknown or erased."""

    due_on: str
    portal_change_id: str
    product: str
    consultant_id: str
    name: str | None
    partner_id: str | None
    partner_name: str | None
    overdue: bool


class AttemptsAnswer(TypedDict):
    """A page of attempts, the newest first. `next`: the `after` of the next page; null: there is none."""

    attempts: list[Attempt]
    next: int | None


class Attempt(TypedDict):
    """One request. `messages`: their number; `epoch` and `sequence` are of the first, null unless `kind` is event."""

    number: int
    kind: Literal["event", "heartbeat", "resend", "test"]
    started_at: str
    duration_ms: int
    message_id: str
    epoch: int | None
    sequence: int | None
    messages: int
    status: int | None
    error: str | None
    reply: str


class DryRunAnswer(TypedDict):
    """What would be sent. `position`: the last one looked at; `next`: where to go on; null: the log ends there."""

    messages: list[Any]
    position: int
    next: int | None


class ParkedAnswer(TypedDict):
    """A page of parked messages. `next`: the `after` of the next page; null: there is none."""

    parked: list[Parked]
    next: str | None


class Parked(TypedDict):
    """A parked message."""

    epoch: int
    sequence: int
    position: int
    partner_id: str
    parked_at: str
    released: bool


class ReleaseAnswer(TypedDict):
    """How many messages were released."""

    released: int


class SentAnswer(TypedDict):
    """The outcome of sending a message. `error`: why there is no status, or why it does not count."""

    delivered: bool
    status: int | None
    duration_ms: int
    error: str | None
    reply: str


class EndpointAnswer(TypedDict):
    """An endpoint. `filter`: null if it gets every event. Its secret is never shown again."""

    endpoint_id: str
    url: str
    description: str
    filter: Filter | None
    batch_max: int
    heartbeat_seconds: int | None
    ed25519: bool
    state: Literal["active", "disabled", "paused"]
    registered_at: str
    registered_by: str
    changed_by: str
    health: Health
    public_key: NotRequired[str]


class Filter(TypedDict):
    """Which compliance events an endpoint gets; null: any. An event must pass all four."""

    types: NotRequired[list[str] | None]
    partner_ids: NotRequired[list[str] | None]
    products: NotRequired[list[str] | None]
    history: NotRequired[Literal[False] | None]


class Health(TypedDict):
    """How far delivery to the endpoint has come, and whether it succeeds."""

    position: int
    head: int
    lag: int
    epoch: int
    sequence: int
    parked: int
    failing_since: str | None
    failures: int
    warned_hours: int | None
    next_attempt_at: str | None
    last_attempt_at: str | None
    last_delivered_at: str | None
    last_status: int | None
    last_error: str | None
    disabled_because: Literal["failing", "gone"] | None


class EndpointsAnswer(TypedDict):
    """A page of endpoints. `next`: the `after` of the next page; null: there is none."""

    endpoints: list[EndpointAnswer]
    next: str | None


class RotatedAnswer(TypedDict):
    """The new secret, shown only once. `previous_expires_at`: the previous one signs until then; null: it is lost."""

    secret: str
    previous_expires_at: str | None
    public_key: NotRequired[str]


class WhatIfAnswer(TypedDict):
    """How far a what-if has come, and a page of the partners and products whose standing differs."""

    what_if_id: str
    state: Literal["done", "failed", "running", "waiting"]
    requested_by: str
    revision: HypotheticalRevision
    at: str | None
    known_at: str | None
    position: int | None
    partners: int | None
    partners_done: int
    differing: int
    failure: str | None
    differences: list[WhatIfDifference]
    next: int | None


class HypotheticalRevision(TypedDict):
    """The terms of another policy and since when they hold; None: a term stays as it is."""

    window_days: NotRequired[int | None]
    minimum: NotRequired[Minimum | None]
    programmes: NotRequired[list[str] | None]
    effective_from: NotRequired[str]


class Minimum(TypedDict):
    """How many counted consultants a partner of each kind must keep (R10); None: of this kind nothing is said."""

    VAR: NotRequired[int | None]
    DEVELOPER: NotRequired[int | None]


class WhatIfDifference(TypedDict):
    """A partner and product whose standing differs, as it is and as it would be."""

    partner_id: str
    product: str
    actual: DifferingStanding
    hypothetical: DifferingStanding


class DifferingStanding(TypedDict):
    """How the partner stands in one of two cases; of windows and suspensions only those that the other has not."""

    status: Literal["compliant", "in_window", "not_enrolled", "not_yet_authorised", "suspended"]
    sell_new: bool
    maintain_existing: bool
    headcount: int
    minimum: int | None
    shortfall: int | None
    windows: list[DifferingWindow]
    suspensions: list[Suspension]
    reasons: list[Reason]


class DifferingWindow(TypedDict):
    """A window that the other policy does not have like this."""

    opened_at: str
    deadline_on: str
    deadline_at: str
    closed_at: str | None
    outcome: str


Suspension = TypedDict("Suspension", {"from": "str", "to": "NotRequired[str | None]"})
"""Selling to new customers is not allowed from `from` (inclusive) to `to` (exclusive; null: still on) (R19)."""


class Reason(TypedDict):
    """The rule, a sentence, and the ids of the facts behind it. Field names are those of the API."""

    rule: str
    text: str
    fact_ids: NotRequired[list[str]]


class WhatIfsAnswer(TypedDict):
    """The what-ifs of this process, oldest first, without their differences."""

    what_ifs: list[WhatIfAnswer]


class ClaimsAnswer(TypedDict):
    """A page of claims in the order in which they were recorded, judged by the facts up to `position`."""

    partner_id: str
    position: int
    claims: list[ClaimItem]
    next: int | None


class ClaimItem(TypedDict):
    """An authorisation answer that was given, and the verdict."""

    number: int
    product: str
    customer: Literal["existing", "new"]
    allowed: bool
    at: str
    position: int
    policy_id: str
    engine: str
    actor: str
    recorded_at: str
    verdict: Literal["correct", "justified", "wrong"]
    now_allowed: bool | None
    then_allowed: bool | None


class ConsultantItem(TypedDict):
    """One person and one product. `name`, `partner_name`: null where unknown or erased."""

    consultant_id: str
    name: str | None
    product: str
    partner_id: str | None
    partner_name: str | None
    counted: bool
    certified: bool
    certified_since: str | None
    lacks: list[Literal["course", "maintenance", "pass"]]
    maintenance_due_on: str | None
    next_change_at: str | None


class ProductCertification(TypedDict):
    """Whether the person is certified for one product, and may use the portal for it."""

    product: str
    certified: bool
    certified_since: str | None
    portal_user: bool
    lacks: list[Literal["course", "maintenance", "pass"]]
    maintenance_due_on: str | None
    reasons: list[Reason]
    next_change_at: str | None


class CountedConsultant(TypedDict):
    """Who counts at the instant, since when, and because of which facts (R9)."""

    consultant_id: str
    since: str
    fact_ids: list[str]


class ExplanationLostConsultant(TypedDict):
    """Who counted before: until when, and why no longer."""

    consultant_id: str
    until: str
    rule: str
    text: str
    fact_ids: list[str]


class RunningWindow(TypedDict):
    """One consultant missing: how the deadline was counted (R13, R15, R16), and who was lost at its opening."""

    opened_at: str
    lost_on: str
    window_days: int
    deadline_on: str
    deadline_at: str
    outcome: str
    lost: list[str]
    text: str
    fact_ids: list[str]


class Remedy(TypedDict):
    """What would mend it. `people`: how many more must count. `before`: after which it would be too late, if ever."""

    rule: str
    text: str
    people: int
    before: str | None


class FactItem(TypedDict):
    """A fact that changed nothing: as recorded, the `reason`, the rule behind it, and a sentence."""

    fact_id: str
    position: int
    type: str
    effective_at: str
    recorded_at: str
    reason: NoEffect
    rule: str
    text: str
    data: dict[str, Any]


class PartnerChangesAnswer(TypedDict):
    """What changed the answer for `at` between what was known at two instants."""

    partner_id: str
    at: str
    known_from: str
    from_position: int
    known_to: str
    to_position: int
    before: list[StandingSummary]
    after: list[StandingSummary]
    changes: list[LearnedChange]
    next: int | None


class StandingSummary(TypedDict):
    """How a partner stands for a product, as known at one end of the interval."""

    product: str
    status: Literal["compliant", "in_window", "not_enrolled", "not_yet_authorised", "suspended"]
    sell_new: bool
    maintain_existing: bool
    headcount: int
    minimum: int | None
    shortfall: int | None


class LearnedChange(TypedDict):
    """Facts recorded together, and the differences that they made."""

    position: int
    recorded_at: str
    facts: list[NamedFact]
    first_mention: bool
    differences: list[Difference]


class NamedFact(TypedDict):
    """A fact that an answer names, as recorded. `proof`: where its proof of inclusion in the log is."""

    fact_id: str
    position: int
    type: str
    effective_at: str
    recorded_at: str
    actor: str
    data: dict[str, Any]
    proof: str


class Difference(TypedDict):
    """A member of the answer that changed. Of a list: what was removed, and what was added."""

    product: str
    member: str
    before: Any
    after: Any


class PartnerComparisonAnswer(TypedDict):
    """Three answers about a partner."""

    partner_id: str
    name: str | None
    then: EveryProductAnswer | None
    hindsight: ComparedStandings
    now: ComparedStandings
    happened: list[dict[str, Any]]
    happened_more: bool


class Window(TypedDict):
    """The time in which one missing consultant must be replaced (R13, R15)."""

    opened_at: str
    deadline_on: str
    deadline_at: str
    closed_at: str | None
    outcome: Literal["closed", "closed_late", "expired", "open", "void"]
    policy_id: NotRequired[str]


class Mends(TypedDict):
    """What makes the standing compliant, by which rule."""

    rule: str
    text: str
    people: int | None
    by: DueBy | None
    nearest: list[NearPerson]
    nearest_omitted: int


class DueBy(TypedDict):
    """The last London day on which a replacement is in time, and the midnight that ends it (R15)."""

    deadline_on: str
    deadline_at: str


class NearPerson(TypedDict):
    """Who lacks `steps` things to be certified, and so to count. `name`: null if it is unknown or erased."""

    consultant_id: str
    name: str | None
    lacks: list[Literal["course", "maintenance", "pass"]]
    steps: int


class ComparedStandings(TypedDict):
    """How the partner stands at `at` for each product, judged from the facts up to `position`."""

    at: str
    known_at: str
    position: int
    products: list[StandingSummary]


class TermsSetBy(TypedDict):
    """What set each term."""

    window_days: SetBy
    minimum: dict[str, SetBy]
    programmes: SetBy
    reminder_days: SetBy


class SetBy(TypedDict):
    """The policy that set a term, from when on, and the fact; both null before the first revision of the term."""

    policy_id: str
    in_force_from: str | None
    fact_id: str | None


class ComingPolicy(TypedDict):
    """A policy that comes into force if no fact comes; its members are those of a `PolicyAnswer`."""

    policy_id: str
    window_days: int
    minimum: dict[str, int]
    programmes: list[str]
    reminder_days: list[int]
    in_force_from: str | None
    fact_id: str | None
    set_by: TermsSetBy


class PortalChangeItem(TypedDict):
    """A portal change with the terms in force. `fact_id`: of its declaration."""

    portal_change_id: str
    products: list[str]
    significant: bool
    announced_at: str
    due_on: str
    summary: str
    fact_id: str
    corrected_by: list[str]


class PreviewedPartner(TypedDict):
    """What would change for a partner. `name`: null if it is unknown or erased. `events`: in order."""

    partner_id: str
    name: str | None
    products: list[ProductPreview]
    events: list[PreviewedEvent]


class ProductPreview(TypedDict):
    """A product for which the partner would have another standing, now or later."""

    product: str
    before: PreviewedStanding | None
    after: PreviewedStanding
    gained: list[str]
    lost: list[str]


class PreviewedStanding(TypedDict):
    """How the partner stands for a product. `ahead`: what follows if no further fact comes."""

    now: DifferingStanding
    ahead: list[Foreseen]


Foreseen = TypedDict(
    "Foreseen",
    {
        "from": "str",
        "status": "Literal['compliant', 'in_window', 'not_enrolled', 'not_yet_authorised', 'suspended']",
        "sell_new": "bool",
        "headcount": "int",
        "shortfall": "int | None",
    },
)
"""How the partner stands from an instant on, if no further fact comes."""


class PreviewedEvent(TypedDict):
    """A compliance event that subscribers would get, without ids and standings."""

    type: str
    effective_at: str
    products: list[str]
    consultant_id: str | None
    portal_change_id: str | None
    due_on: str | None
    window: Window | None
    retracts: Retraction | None


class Retraction(TypedDict):
    """What a `retracted` event takes back: the id, the type and the effective instant of the event."""

    event_id: str
    type: str
    effective_at: str


class PreviewedPerson(TypedDict):
    """A certification whose answer would change. `name`: null if it is unknown or erased."""

    consultant_id: str
    name: str | None
    product: str
    before: CertificationAnswer
    after: CertificationAnswer


class CertificationAnswer(TypedDict):
    """Whether a person is certified for a product and may use the portal for it (R1, R4, R24, R26)."""

    certified: bool
    portal_user: bool
    reasons: list[Reason]
    next_change_at: str | None


StandingSpan = TypedDict(
    "StandingSpan",
    {
        "product": "str",
        "from": "str",
        "to": "str | None",
        "status": "Literal['compliant', 'in_window', 'not_enrolled', 'not_yet_authorised', 'suspended']",
        "sell_new": "bool",
        "headcount": "int",
        "minimum": "int | None",
        "shortfall": "int | None",
    },
)
"""How the partner stands for the product from `start` until `to` (exclusive; None: for ever, if no fact comes)."""


PersonAtPartner = TypedDict(
    "PersonAtPartner",
    {"consultant_id": "str", "name": "str | None", "product": "str | None", "from": "str", "to": "str | None"},
)
"""A person is linked to the partner (`product` null), or counts there for the product, from `from` until `to`."""


PolicyStart = TypedDict("PolicyStart", {"policy_id": "str", "fact_id": "str", "from": "str"})
"""A revision of the policy, and from when on it is in force (R39)."""


class ProcessesAnswer(TypedDict):
    """The processes with a heartbeat within an hour, at most two hundred. `now`: by the clock of PostgreSQL itself."""

    now: str
    version: str
    engine: str
    policy_id: str
    products: list[str]
    postgresql: str
    processes: list[Process]


class Process(TypedDict):
    """A follower or a dispatcher. `beat_at`: its last heartbeat; `alive`: that is less than ten seconds ago."""

    role: Literal["dispatcher", "follower"]
    held_by: str
    beat_at: str
    alive: bool
    trouble: str | None
    leads: bool | None
    endpoints: int | None


class Readiness(TypedDict):
    """`facts_behind`: how many facts the projection has still to apply. `known_through`: how far its knowledge
    goes.
    """

    status: str
    position: int
    facts_behind: int
    known_through: str
    events: int
    held_by: str
    claims_waiting: NotRequired[int]
    claims_dropped: NotRequired[int]


class RecordedFact(TypedDict):
    """A fact as it is recorded. Where it is one of the same batch, the instant of its recording is not known yet."""

    fact_id: str
    type: str
    effective_at: str
    data: dict[str, Any]
    recorded_at: NotRequired[str | None]


class Moment(TypedDict):
    """The members of every answer that name its moment."""

    at: str
    known_at: str
    position: int
    policy_id: str
    engine: str


class ProgressAnswer(Moment):
    """The partners of whose people something was asked, by id."""

    portal_change_id: str
    partners: list[PartnerProgress]


class TotalsAnswer(Moment):
    """How much needs action now, by partner and product."""

    suspended: Total
    open_windows: Total
    closing_windows: Total
    maintenance_owed: Total
    maintenance_overdue: Total
    first: FirstRows | None


class RegisteredAnswer(EndpointAnswer):
    """A new endpoint, with its secret, which is shown only once."""

    secret: NotRequired[str]


class ConsultantsAnswer(Moment):
    """A page of people and products. `next`: the `after` of the next page; null: there is none."""

    consultants: list[ConsultantItem]
    next: str | None


class ConsultantAnswer(Moment):
    """Whether the person is certified for the product, and may use the portal for it."""

    consultant_id: str
    name: str | None
    product: str
    certified: bool
    portal_user: bool
    reasons: list[Reason]
    next_change_at: str | None


class ConsultantCertificationsAnswer(Moment):
    """Every product that is sold, by its id. `next_change_at`: when the first of them changes."""

    consultant_id: str
    name: str | None
    partner_id: str | None
    partner_name: str | None
    certifications: list[ProductCertification]
    next_change_at: str | None


class ExplanationAnswer(StandingSummary, Moment):
    """The standing, the argument for it in `steps`, who counts, who was lost, what is missing, what would mend it."""

    partner_id: str
    steps: list[Reason]
    counted: list[CountedConsultant]
    counted_omitted: int
    lost: list[ExplanationLostConsultant]
    lost_omitted: int
    windows: list[RunningWindow]
    linked_only: list[str]
    linked_only_omitted: int
    remedies: list[Remedy]
    facts: list[ProvedFact]
    unproved: list[str]
    next_change_at: str | None


class ProvedFact(NamedFact):
    """A fact with its proof."""

    entry: NotRequired[str | None]
    tlog_proof: NotRequired[str | None]


class FactsWithoutEffectAnswer(Moment):
    """A page of facts in the order asked for. `next`: the `after` of the next page of the list; null: there is
    none.
    """

    facts: list[FactItem]
    next: str | None


class PartnersAnswer(Moment):
    """A page of partners. `next`: the `after` of the next page; null: there is none."""

    partners: list[PartnerItem]
    next: str | None


class SuspensionsAnswer(Moment):
    """A page of suspensions. `next`: the `after` of the next page; null: there is none."""

    suspensions: list[PartnerItem]
    next: str | None


class WindowsAnswer(Moment):
    """A page of windows. `next`: the `after` of the next page; null: there is none."""

    windows: list[WindowItem]
    next: str | None


class MaintenanceAnswer(Moment):
    """A page of what is owed, soonest due first. `next`: the `after` of the next page; null: there is none."""

    maintenance: list[MaintenanceItem]
    next: str | None


class EveryProductAnswer(Moment):
    """How the partner stands for each product. `next_change_at`: when the first of them changes."""

    partner_id: str
    name: str | None
    products: list[ProductStanding]
    next_change_at: str | None


class ProductStanding(StandingSummary):
    """How the partner stands for one product."""

    counted: list[str]
    windows: list[Window]
    suspensions: list[Suspension]
    reasons: list[Reason]
    next_change_at: str | None
    mends: Mends | None


class AuthorisationAnswer(Moment):
    """Whether the partner may sell the product to new customers, or maintain existing ones."""

    partner_id: str
    name: str | None
    product: str
    customer: Literal["existing", "new"]
    allowed: bool
    status: Literal["compliant", "in_window", "not_enrolled", "not_yet_authorised", "suspended"]
    reasons: list[Reason]
    mends: Mends | None
    next_change_at: str | None


class PolicyAnswer(ComingPolicy):
    """The terms in force at `at`. `policy_id`: the last revision in force, whatever it changes."""

    at: str
    known_at: str
    position: int
    engine: str
    products: list[str]
    coming: list[ComingPolicy]
    next_change_at: str | None


class NotificationsAnswer(Moment):
    """The partners to whom the portal change is communicated; none before its announcement."""

    portal_change_id: str
    notified: list[str]
    next_change_at: str | None


class PortalChangeAnswer(PortalChangeItem, Moment):
    """One portal change with the terms in force; its members are those of `PortalChangeItem`."""


class PortalChangesAnswer(Moment):
    """A page of portal changes, latest announced first. `next`: the `after` of the next page; null: there is none."""

    portal_changes: list[PortalChangeItem]
    next: str | None


class PreviewAnswer(Moment):
    """Which answers and announcements would change if the facts were recorded at `at`, after `position`."""

    everybody: bool
    partners_concerned: int
    partners_compared: int
    partners: list[PreviewedPartner]
    people: list[PreviewedPerson]
    next: str | None


class StandingsAnswer(Moment):
    """The spans of each product in order, and those of people, by id."""

    partner_id: str
    name: str | None
    standings: list[StandingSpan]
    standings_omitted: int
    people: list[PersonAtPartner]
    people_omitted: int
    policies: list[PolicyStart]


class TimelineAnswer(Moment):
    """The entries in order: each has a `kind` (fact, notice, window, suspension), `at`, and what goes with its
    kind.
    """

    partner_id: str
    name: str | None
    entries: list[dict[str, Any]]
    next_change_at: str | None
    next: str | None


class ComplianceAnswer(ProductStanding, Moment):
    """How a partner stands for a product at `at`, judged from the facts known at `known_at`, up to `position`."""

    partner_id: str
    name: str | None
