"""The request to `certification.append` and its outcome.

Only the database knows the instant of recording, once it holds the append lock, and the stored bytes carry it. So a
call is encoded with a provisional instant, and U+0001, which no JSON contains, replaces that instant everywhere.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

from shared.events import wire
from shared.events.envelope import Fact

TICK: Final = timedelta(microseconds=1)
"""The resolution of every instant."""

PLACEHOLDER: Final = "\x01"

UNDATED: Final = datetime(1900, 1, 1, tzinfo=UTC)
"""The provisional instant of a fact whose acceptance depends on no instant: earlier than any a caller may name."""


class Routing(msgspec.Struct, frozen=True):
    """The stream of a fact and the columns that name whom it is about."""

    originator_id: str
    partner_id: str | None = None
    into_partner_id: str | None = None
    consultant_id: str | None = None


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fact to append. `effective_at` None: the instant of recording."""

    originator_id: str
    topic: str
    state: str
    fact_id: str
    effective_at: datetime | None = None
    partner_id: str | None = None
    into_partner_id: str | None = None
    consultant_id: str | None = None
    voided_fact_id: str | None = None


class AppendRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Facts to append together, the receipt of the call, and the conditions under which the facts still hold.

    The fields are those that `certification.append` documents. `content_hash` and `salt` are written `\\x…`.
    `follows`: it was decided as if the calls before it were recorded.
    """

    actor: str
    idempotency_key: str
    content_hash: str
    facts: tuple[Row, ...]
    held: bool = False
    free_text: str | None = None
    salt: str | None = None
    consultant_id: str | None = None
    consultant_seen: int | None = None
    originator_id: str | None = None
    originator_seen: int | None = None
    not_before: datetime | None = None
    stale_at: datetime | None = None
    follows: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of a call: see `certification.append`. The rest is None unless the call is recorded or replayed."""

    outcome: Literal["recorded", "replayed", "conflict", "stale"]
    fact_id: str | None
    position: int | None
    recorded_at: datetime | None


def last_recorded(outcomes: Iterable[Outcome]) -> int:
    """The last position at which one of the calls was recorded, now or earlier; 0: none was."""
    return max((outcome.position or 0 for outcome in outcomes), default=0)


def row(fact: Fact, routing: Routing, provisional: datetime, voided_fact_id: str | None = None) -> Row:
    """The fact as it is appended, with a placeholder for each provisional instant."""
    topic, state = wire.encode(fact)
    return Row(
        originator_id=routing.originator_id,
        topic=topic,
        state=state.decode().replace(wire.instant_text(provisional), PLACEHOLDER),
        fact_id=fact.fact_id,
        effective_at=None if fact.effective_at == provisional else fact.effective_at,
        partner_id=routing.partner_id,
        into_partner_id=routing.into_partner_id,
        consultant_id=routing.consultant_id,
        voided_fact_id=voided_fact_id,
    )


def state_at(row: Row, instant: datetime) -> str:
    """The JSON of the fact as it would be stored if it were recorded at the instant."""
    return row.state.replace(PLACEHOLDER, wire.instant_text(instant))


def provisional_instant(earliest: datetime, taken: Collection[datetime], said: bytes) -> datetime:
    """The first instant from `earliest` on that is neither taken nor written by the caller.

    Each of its occurrences in the encoded facts therefore means the instant of recording.
    """
    instant = earliest
    while instant in taken or wire.instant_text(instant).encode() in said:
        instant += TICK
    return instant
