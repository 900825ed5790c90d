"""The announcement of a compliance event about a partner, and how the announcements of a sweep change."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from shared.events.compliance_events import Name


class Announcement(msgspec.Struct, frozen=True):
    """Something true that is published, identified by all but its details.

    `about` names what it is about within partner and product: a window (its opening instant),
    a consultant, a portal change. `ordinal` tells apart those that share all else. `due_on` and `products`
    are the terms of a portal change: corrected, it is announced again (R38).
    """

    name: Name
    instant: datetime
    product: str | None
    about: str
    ordinal: int
    due_on: date | None = None
    products: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """How a sweep changed: from which instant on, which announcements no longer follow and which newly do.

    `changed_from`: None if nothing changed up to the instant swept to.
    """

    changed_from: datetime | None
    retracted: Sequence[Announcement] = ()
    announced: Sequence[Announcement] = ()
