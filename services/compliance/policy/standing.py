"""What an answer adds to a standing: reasons, and for how long it holds. Field names are those of the API."""

from datetime import datetime
from typing import Final

import msgspec

from shared.events.compliance_events import Outcome, Standing, Status, Suspension, Window

__all__ = [
    "MAY_SELL_NEW",
    "CertificationAnswer",
    "ForecastSegment",
    "Outcome",
    "Reason",
    "Standing",
    "Status",
    "Suspension",
    "Window",
]

MAY_SELL_NEW: Final[frozenset[Status]] = frozenset({"compliant", "in_window"})


class Reason(msgspec.Struct, frozen=True):
    """Why an answer is what it is: the rule, a sentence, and the ids of the facts that made it so."""

    rule: str
    text: str
    fact_ids: tuple[str, ...] = ()


class ForecastSegment(msgspec.Struct, frozen=True):
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
