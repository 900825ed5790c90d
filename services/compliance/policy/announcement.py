"""What is true of a partner and worth telling."""

from datetime import datetime

import msgspec

from shared.events.compliance_events import Name


class Announcement(msgspec.Struct, frozen=True):
    """What is true and worth telling, identified by all but its details.

    `subject` names what it is about within partner and product: a window (its opening instant),
    a consultant, a portal change. `ordinal` tells apart those that share all else.
    """

    name: Name
    instant: datetime
    product: str | None
    subject: str
    ordinal: int
