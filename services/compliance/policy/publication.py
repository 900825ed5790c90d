"""What was published about a partner, read back from its compliance events.

Another policy says otherwise about the past. What was published stays published: it is answered by
corrections, for which one has to know what of it still stands.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import count
from typing import Final, NamedTuple

import msgspec

from services.compliance.policy.announcement import Announcement
from shared.events.compliance_events import TYPE_OF, ComplianceEventData, Name, Standing

_NAME_OF: Final[dict[str, Name]] = {kind: name for name, kind in TYPE_OF.items()}
_OF_NO_PRODUCT: Final = frozenset({"maintenance-required", "dual-link-detected", "dual-link-cleared"})
_decode: Final = msgspec.json.Decoder(ComplianceEventData).decode


class PublishedEvent(NamedTuple):
    """One event of the log of compliance events, as far as it says what was announced."""

    event_id: str
    type: str
    effective_at: datetime
    subject: str
    data: bytes


class OpenAnnouncement(msgspec.Struct, frozen=True):
    """An announcement that stands: its event, what that is about, and its place among the events of the partner."""

    place: int
    event_id: str
    products: tuple[str, ...]


class PublicationState(NamedTuple):
    """Everything published about one partner: what of it stands, the standings told last, how many events it was."""

    standing: dict[Announcement, OpenAnnouncement]
    standings: dict[str, Standing]
    events: int


def read_back(events: Iterable[PublishedEvent]) -> PublicationState:
    """What the events of one partner, all from the first and in order, leave standing."""
    standing: dict[Announcement, OpenAnnouncement] = {}
    standings: dict[str, Standing] = {}
    place = 0
    for place, event in enumerate(events, start=1):
        data, name = _decode(event.data), _NAME_OF[event.type]
        for named in data.products:
            standings.pop(named, None)  # of one that is no longer sold no standing follows
        standings.update((one.product, one) for one in data.standings)
        if data.retracts is not None:
            retracted = data.retracts.event_id
            standing = {one: published for one, published in standing.items() if published.event_id != retracted}
        elif name != "standing-changed":
            product = None if name in _OF_NO_PRODUCT else data.products[0]
            same = (Announcement(name, event.effective_at, product, event.subject, ordinal) for ordinal in count(1))
            standing[next(one for one in same if one not in standing)] = OpenAnnouncement(
                place, event.event_id, data.products
            )
    return PublicationState(standing, standings, place)
