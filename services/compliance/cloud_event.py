"""A compliance event as a CloudEvent: what is common to the feed and to the messages of webhooks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

MEDIA_TYPE: Final = "application/cloudevents+json"
BATCH_MEDIA_TYPE: Final = "application/cloudevents-batch+json"
SOURCE: Final = "/compliance/v1"

COLUMNS: Final = "e.sequence, e.event_id, e.type, e.partner_id, e.effective_at, e.recorded_at, e.subject, e.data"
"""Of `compliance_event e`: what `cloud_event` takes, in its order."""

PASSES: Final = """
    ($2::text[] IS NULL OR e.type = ANY($2))
    AND ($3::text[] IS NULL OR e.partner_id = ANY($3))
    AND ($4::text[] IS NULL OR e.products && $4)
"""
"""Whether `compliance_event e` passes a filter: types, partners, products; null: any."""


class CloudEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A compliance event as a CloudEvent 1.0. `subject` is the partner; `time` is when it was true.

    Extensions: `recordedtime`, when it was derived; `position`, its place in the log, from 1, without gaps; `about`,
    what it is about within the partner, where it is about one thing. `data`: the stored bytes, unchanged.
    """

    id: str
    type: str
    subject: str
    time: datetime
    recordedtime: datetime
    specversion: str
    source: str
    datacontenttype: str
    position: int
    data: msgspec.Raw
    about: str = ""


def cloud_event(row: Sequence[Any]) -> CloudEvent:
    """The event of a row of `COLUMNS`."""
    position, event_id, kind, partner_id, effective_at, recorded_at, about, data = row
    return CloudEvent(
        id=event_id,
        type=kind,
        subject=partner_id,
        time=effective_at,
        recordedtime=recorded_at,
        specversion="1.0",
        source=SOURCE,
        datacontenttype="application/json",
        position=position,
        data=msgspec.Raw(data),
        about=about,
    )
