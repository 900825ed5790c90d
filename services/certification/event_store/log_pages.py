"""Pages of the log: the filter, and what is read of each fact."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from shared.events.envelope import Fact


class HeldFact(NamedTuple):
    """A fact that waits for another one, since when, and for what (R35)."""

    since: datetime
    topic: str
    fact_id: str
    position: int
    recorded_at: datetime
    effective_at: datetime
    registration_id: str | None
    attempt: int | None
    portal_change_id: str | None


class HeldFacts(NamedTuple):
    """Some of the facts that wait. `next_after`: where to go on; None: these are the last."""

    facts: list[HeldFact]
    next_after: int | None


class LogFilter(NamedTuple):
    """Which facts of the log: of these topics, and about one of these partners, and one of these products.

    Empty: any.
    """

    topics: Sequence[str] = ()
    partner_ids: Sequence[str] = ()
    products: Sequence[str] = ()


EVERYTHING: Final = LogFilter()


class LogEntry(NamedTuple):
    """A fact of the log, without its append position, its stream, and the partners and products that it is about."""

    fact: Fact
    originator_id: str
    partner_ids: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


class LogEntries(NamedTuple):
    """Facts of the log, in order, and the last position of the log when they were read.

    `log`: which log it is; that of a sandbox is another after each reset.
    """

    entries: list[LogEntry]
    head: int
    log: int
