"""An announcement about a partner."""

from datetime import datetime

import msgspec

from shared.events.compliance_events import Name


class Announcement(msgspec.Struct, frozen=True):
    """Something true that is published, identified by all but its details.

    `about` names what it is about within partner and product: a window (its opening instant),
    a consultant, a portal change. `ordinal` tells apart those that share all else.
    """

    name: Name
    instant: datetime
    product: str | None
    about: str
    ordinal: int
