"""Compliance events: what the compliance service announces, in one gapless log.

Each says what became true for a partner and carries the resulting standings. A subscriber that applies the events in
order holds what the API would answer. `retracted` names an event that no longer holds, for ever; if it becomes true
again, it is announced again.
"""

from datetime import date
from typing import Final, Literal, get_args

import msgspec

from shared.events.fact_class import Instant
from shared.events.facts import FIRST_POLICY_ID, TOPIC_PREFIX

Name = Literal[
    "standing-changed",
    "minimum-reached",
    "replacement-window-opened",
    "replacement-window-closing",
    "replacement-window-closed",
    "replacement-window-expired",
    "replacement-window-voided",
    "selling-suspended",
    "selling-reinstated",
    "authorisation-ended",
    "certification-lapsed",
    "maintenance-required",
    "dual-link-detected",
    "dual-link-cleared",
    "retracted",
]
NAMES: Final[tuple[Name, ...]] = get_args(Name)
TYPE_OF: Final[dict[Name, str]] = {name: f"{TOPIC_PREFIX}{name}.v1" for name in NAMES}
"""Name to CloudEvents `type`."""

Status = Literal["not_enrolled", "not_yet_authorised", "compliant", "in_window", "suspended"]
Outcome = Literal["open", "closed", "expired", "closed_late", "void"]


class Window(msgspec.Struct, frozen=True):
    """The time in which one missing consultant must be replaced (R13, R15).

    `deadline_on`: the last London day. `deadline_at`: the London midnight that ends it; a
    replacement at that very instant is late (R16). `closed_at`: when it was filled or voided. `policy_id`: the policy
    that set its days (R39); absent in old events: `2021-08`.
    """

    opened_at: Instant
    deadline_on: date
    deadline_at: Instant
    closed_at: Instant | None
    outcome: Outcome
    policy_id: str = FIRST_POLICY_ID


class Suspension(msgspec.Struct, frozen=True):
    """Selling to new customers is not allowed from `from` (inclusive) to `to` (exclusive; null: still on) (R19)."""

    since: Instant = msgspec.field(name="from")
    to: Instant | None = None


class Standing(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a partner stands for one product at one instant.

    `counted`: consultant ids, sorted (R9). `minimum` and `shortfall` are null until the kind is known (R10).
    Windows and suspensions in opening order, of those that started by then.

    An event stays below 64 KiB. Where there is more, `counted` has the first ids, `windows` the unfilled ones and those
    that ended last, `suspensions` those that ended last and the running one; `counted_omitted`, `windows_omitted` and
    `suspensions_omitted` say how many are left out, and are absent where that is none.
    """

    product: str
    headcount: int
    counted: tuple[str, ...]
    minimum: int | None
    shortfall: int | None
    status: Status
    sell_new: bool
    maintain_existing: bool
    windows: tuple[Window, ...]
    suspensions: tuple[Suspension, ...]
    counted_omitted: int = 0
    windows_omitted: int = 0
    suspensions_omitted: int = 0


class Retraction(msgspec.Struct, frozen=True):
    """What a `retracted` event takes back: the id, the type and the effective instant of the event."""

    event_id: str
    type: str
    effective_at: Instant


class ComplianceEventData(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a compliance event says.

    `products`: those it is about. `standings`: the resulting standing of each product that the step
    touched; a product that is named and has none is no longer sold. `fact_ids`: the facts whose
    recording led to it, at most the first 100; empty where only time passed.
    `policy_id`: the policy in force at the effective instant (R39), absent in old events: `2021-08`.
    `history`: it follows from facts that were loaded afterwards, and takes back nothing that was announced without it.
    `window`, `consultant_id`, `portal_change_id` with `due_on`, `retracts`: where the name says so.
    """

    partner_id: str
    products: tuple[str, ...]
    standings: tuple[Standing, ...]
    fact_ids: tuple[str, ...] = ()
    window: Window | None = None
    consultant_id: str | None = None
    portal_change_id: str | None = None
    due_on: date | None = None
    retracts: Retraction | None = None
    policy_id: str | None = None
    history: bool = False


class ComplianceEvent(msgspec.Struct, frozen=True):
    """One event of the compliance log, before it has its number.

    `effective_at`: when it was true. `recorded_at`: when it was derived: the recording of the facts
    or the instant of the timer behind it. `about`: what it is about within the partner.
    `data`: the exact bytes of its JSON (`ComplianceEventData`), which are never re-serialised.
    The id is a hash of what it says and what caused it: the same in every replay.
    """

    event_id: str
    type: str
    partner_id: str
    products: tuple[str, ...]
    effective_at: Instant
    recorded_at: Instant
    about: str
    data: bytes
