"""Local times of London as instants: when the clocks change, an hour does not exist, and one exists twice."""

from datetime import UTC, datetime
from typing import Literal

from shared.events.london import LONDON

Zone = Literal["Europe/London", "UTC"]
Nonexistent = Literal["refuse", "earlier", "later"]
Repeated = Literal["refuse", "earlier", "later"]


def instant_at(local: datetime, zone: Zone, nonexistent: Nonexistent, repeated: Repeated) -> datetime:
    """The instant of a local time, in UTC. One with an offset is that instant, whatever the zone.

    A time in the hour that does not exist is taken by the offset of winter (`later`: 01:30 is 02:30 of summer) or of
    summer (`earlier`: 01:30 is 00:30 of winter); one in the hour that exists twice is the first or the second.
    Raises `ValueError` if that is refused, and for a time at the very edge of the calendar.
    """
    try:
        return _instant_at(local, zone, nonexistent, repeated)
    except OverflowError:
        raise ValueError("is too far away") from None


def _instant_at(local: datetime, zone: Zone, nonexistent: Nonexistent, repeated: Repeated) -> datetime:
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    if zone == "UTC":
        return local.replace(tzinfo=UTC)
    before, after = (local.replace(tzinfo=LONDON, fold=fold).astimezone(UTC) for fold in (0, 1))
    if before == after:
        return before
    if before.astimezone(LONDON).replace(tzinfo=None) != local:
        if nonexistent == "refuse":
            raise ValueError("does not exist in London: the clocks go forward in that hour")
        return before if nonexistent == "later" else after
    if repeated == "refuse":
        raise ValueError("exists twice in London: the clocks go back in that hour")
    return before if repeated == "earlier" else after
