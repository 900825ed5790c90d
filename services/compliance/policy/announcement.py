"""An announcement about a partner."""

from datetime import date, datetime

import msgspec

from shared.events.compliance_events import Name


class Announcement(msgspec.Struct, frozen=True):
    """Something true that is published, identified by all but its details.

    `about` names what it is about within partner and product: a window (its opening instant),
    a consultant, a portal change. `ordinal` tells apart those that share all else. `due_on` and `products`
    are the terms of a portal change: corrected, it is announced anew (R38).
    """

    name: Name
    instant: datetime
    product: str | None
    about: str
    ordinal: int
    due_on: date | None = None
    products: tuple[str, ...] = ()
