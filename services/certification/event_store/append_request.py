"""What goes to `certification.append` and what comes back.

The instant of recording is known only to the database, once it holds the append lock; the stored bytes carry it.
So a call is encoded with a provisional instant, and U+0001 is left wherever that stands: no JSON contains it.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

from shared.events import wire
from shared.events.envelope import Fact

TICK: Final = timedelta(microseconds=1)
"""The resolution of every instant."""

PLACEHOLDER: Final = "\x01"

UNDATED: Final = datetime(1900, 1, 1, tzinfo=UTC)
"""Provisional instant of a fact whose acceptance depends on no instant: earlier than any that a caller may name."""


class Routing(msgspec.Struct, frozen=True):
    """The stream of a fact and the columns that tell whom it is about."""

    originator_id: str
    partner_id: str | None = None
    into_partner_id: str | None = None
    consultant_id: str | None = None


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fact to append. `effective_at` None: when it is recorded."""

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
    """Facts to append together, the receipt of who asked for it, and the conditions under which they still hold.

    The fields are those that `certification.append` documents. `content_hash` and `salt` are written `\\x…`.
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


class Outcome(msgspec.Struct, frozen=True):
    """What became of a call: see `certification.append`. The rest is None where nothing is recorded."""

    outcome: Literal["recorded", "replayed", "conflict", "stale"]
    fact_id: str | None
    position: int | None
    recorded_at: datetime | None


def row(fact: Fact, routing: Routing, provisional: datetime, voided_fact_id: str | None = None) -> Row:
    """The fact as it is appended, open where it says the provisional instant."""
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


def provisional_instant(earliest: datetime, taken: Collection[datetime], said: bytes) -> datetime:
    """The first instant from `earliest` that is not among those taken and that the caller did not write himself.

    So wherever it stands in the encoded facts, the instant of recording is meant.
    """
    instant = earliest
    while instant in taken or wire.instant_text(instant).encode() in said:
        instant += TICK
    return instant
