"""What was published about a partner, read back from its compliance events.

Another engine derives another past. Published events stay published: the new engine publishes corrections, for which it
must know which announcements still stand.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import count
from typing import Final, NamedTuple

import msgspec

from services.compliance.policy.event_announcement import Announcement
from shared.events.compliance_events import TYPE_OF, ComplianceEventData, Name, Standing

_NAME_OF: Final[dict[str, Name]] = {kind: name for name, kind in TYPE_OF.items()}
_OF_NO_PRODUCT: Final = frozenset({"maintenance-required", "dual-link-detected", "dual-link-cleared"})
_decode: Final = msgspec.json.Decoder(ComplianceEventData).decode


class PublishedEvent(NamedTuple):
    """An event of the compliance log, as far as it says what was announced."""

    event_id: str
    type: str
    effective_at: datetime
    about: str
    data: bytes


class OpenAnnouncement(msgspec.Struct, frozen=True):
    """An announcement that stands: its event, what that is about, and its place among the events of the partner.

    `history`: the event says that it follows from facts that were loaded afterwards.
    """

    place: int
    event_id: str
    products: tuple[str, ...]
    history: bool = False


class PublicationState(NamedTuple):
    """Everything published about one partner: what still stands, the last standings, the number of events."""

    standing: dict[Announcement, OpenAnnouncement]
    standings: dict[str, Standing]
    events: int


def load_publication(events: Iterable[PublishedEvent]) -> PublicationState:
    """The state after all events of one partner, in order from the first."""
    standing: dict[Announcement, OpenAnnouncement] = {}
    standings: dict[str, Standing] = {}
    place = 0
    for place, event in enumerate(events, start=1):
        data, name = _decode(event.data), _NAME_OF[event.type]
        for product_id in data.products:
            standings.pop(product_id, None)  # one that is no longer sold has no standing
        standings.update((carried.product, carried) for carried in data.standings)
        if data.retracts is not None:
            retracted = data.retracts.event_id
            standing = {
                announcement: published
                for announcement, published in standing.items()
                if published.event_id != retracted
            }
        elif name != "standing-changed":
            product = None if name in _OF_NO_PRODUCT else data.products[0]
            named = data.products if name == "maintenance-required" else ()
            ordinals = (
                Announcement(name, event.effective_at, product, event.about, ordinal, data.due_on, named)
                for ordinal in count(1)
            )
            announcement = next(candidate for candidate in ordinals if candidate not in standing)
            standing[announcement] = OpenAnnouncement(place, event.event_id, data.products, data.history)
    return PublicationState(standing, standings, place)
