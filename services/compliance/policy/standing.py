"""What an answer says: standings, windows, suspensions, reasons. Field names are those of the API."""

from datetime import date, datetime
from typing import Literal

import msgspec

Status = Literal["not_enrolled", "not_yet_authorised", "compliant", "in_window", "suspended"]
Outcome = Literal["open", "closed", "expired", "closed_late", "void"]

MAY_SELL_NEW: frozenset[Status] = frozenset({"compliant", "in_window"})


class Window(msgspec.Struct, frozen=True):
    """The time in which one missing consultant must be replaced (R13, R15).

    `deadline_on`: the last London day. `deadline_at`: the London midnight that ends it; a
    replacement at that very instant is late (R16). `closed_at`: when it was filled or voided.
    """

    opened_at: datetime
    deadline_on: date
    deadline_at: datetime
    closed_at: datetime | None
    outcome: Outcome


class Suspension(msgspec.Struct, frozen=True):
    """Selling to new customers is not allowed from `from` (inclusive) to `to` (exclusive; null: still on) (R19)."""

    since: datetime = msgspec.field(name="from")
    to: datetime | None = None


class Reason(msgspec.Struct, frozen=True):
    """Why an answer is what it is: the rule, a sentence, and the ids of the facts that made it so."""

    rule: str
    text: str
    fact_ids: tuple[str, ...] = ()


class Standing(msgspec.Struct, frozen=True):
    """How a partner stands for one product at one instant.

    `counted`: consultant ids, sorted (R9). `minimum` and `shortfall` are null until the kind is known (R10).
    Windows and suspensions in opening order, all that started by then.
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


class Stretch(msgspec.Struct, frozen=True):
    """A standing with its reasons, valid from `valid_from` until `next_change_at` (None: for ever) if no fact comes."""

    valid_from: datetime
    standing: Standing
    reasons: tuple[Reason, ...]
    next_change_at: datetime | None


class CertificationAnswer(msgspec.Struct, frozen=True):
    """Whether a person is certified for a product and may use the portal for it (R1, R4, R24, R26)."""

    certified: bool
    portal_user: bool
    reasons: tuple[Reason, ...]
    next_change_at: datetime | None
