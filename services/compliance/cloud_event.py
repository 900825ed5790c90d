"""A compliance event as a CloudEvent: what is common to the feed and to the messages of webhooks."""

from datetime import datetime
from typing import Final

import msgspec

from services.compliance.read_model.event_log import LoggedEvent

MEDIA_TYPE: Final = "application/cloudevents+json"
BATCH_MEDIA_TYPE: Final = "application/cloudevents-batch+json"
SOURCE: Final = "/compliance/v1"


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


def cloud_event(event: LoggedEvent) -> CloudEvent:
    """The event as a CloudEvent."""
    return CloudEvent(
        id=event.event_id,
        type=event.type,
        subject=event.partner_id,
        time=event.effective_at,
        recordedtime=event.recorded_at,
        specversion="1.0",
        source=SOURCE,
        datacontenttype="application/json",
        position=event.position,
        data=msgspec.Raw(event.data),
        about=event.about,
    )
