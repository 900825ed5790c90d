"""The base of all classes of facts, and the kinds of streams."""

from datetime import datetime
from typing import Annotated, ClassVar, NamedTuple

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware instant, written in UTC with `Z`; a naive one does not decode."""


class Stream(NamedTuple):
    """A kind of stream: its id is `prefix` and the value of the field `id_field`."""

    prefix: str
    id_field: str


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=False, omit_defaults=True):
    """What a fact says. Unknown fields are ignored: an optional field may be added within a version.

    `topic`: with `TOPIC_PREFIX` before it, the topic in the log. `stream`: where the fact lies; None: where the fact
    that it voids lies.
    """

    topic: ClassVar[str]
    stream: ClassVar[Stream | None]
