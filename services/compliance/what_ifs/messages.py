"""What a what-if asks, and what its process reports."""

from datetime import datetime
from typing import Final

import msgspec

from services.compliance.historical_answers.questions import AsOfMembers, WorkerSettings
from services.compliance.policy.hypothetical_policy import HypotheticalRevision

NICENESS: Final = 19
"""The lowest priority that there is."""


class WhatIf(msgspec.Struct, frozen=True):
    """The other policy, and the moment at which the standings are compared."""

    revision: HypotheticalRevision
    moment: AsOfMembers


class Begun(msgspec.Struct, frozen=True, tag=True):
    """The moment, and about how many partners there are."""

    at: datetime
    known_at: datetime
    position: int
    partners: int


class Progressed(msgspec.Struct, frozen=True, tag=True):
    """So many partners more are replayed; `differences`: each of those found, in JSON, by partner and product."""

    partners: int
    differences: tuple[bytes, ...]


class Ended(msgspec.Struct, frozen=True, tag=True):
    """Every partner is replayed."""


class Broke(msgspec.Struct, frozen=True, tag=True):
    """It cannot go on; `trace` goes to the log, `detail` to the caller."""

    detail: str
    trace: str


ProgressReport = Begun | Progressed | Ended | Broke


class Order(msgspec.Struct, frozen=True):
    """The first message to the process: what to ask, where, and on how many processes."""

    settings: WorkerSettings
    what_if: WhatIf
    processes: int


encode: Final = msgspec.msgpack.Encoder().encode
decode_order: Final = msgspec.msgpack.Decoder(Order).decode
decode_report: Final = msgspec.msgpack.Decoder(ProgressReport).decode
