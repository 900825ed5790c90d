"""Facts as the statements of the event store return them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, LiteralString, NamedTuple

import msgspec

from services.certification.event_store.append_request import Routing
from shared.events import wire
from shared.events.envelope import Fact
from shared.events.facts import FactData

COLUMNS: Final[LiteralString] = """
    e.topic, e.state, e.notification_id, e.append_position, e.originator_id, e.originator_version,
    e.partner_id, e.into_partner_id, e.consultant_id, e.held, e.content_hash
"""
"""What `stored_fact` takes, of `certification.stored_events e`."""


class StoredFact(msgspec.Struct, frozen=True):
    """A fact of the log with its place in its stream and its routing.

    `held` and `content_hash` belong to the receipt of the call that reported it; None on a decision.
    """

    fact: Fact
    routing: Routing
    version: int
    held: bool | None
    content_hash: bytes | None


class Loaded(msgspec.Struct, frozen=True):
    """The facts on which a decision may depend, as of one snapshot.

    `now`: the clock then, `running` or standing still. `consultant_id`: whom it is about; `consultant_seen`: the last
    position of a fact of theirs, 0 before the first. `originator_id`: whose stream is among the facts, the whole of it.
    `receipt`: the fact that the idempotency key stands for, if it is used, with the salt of its free text.
    """

    now: datetime
    running: bool
    consultant_id: str | None
    consultant_seen: int
    originator_id: str | None
    facts: tuple[StoredFact, ...]
    receipt: StoredFact | None
    salt: bytes

    @property
    def originator_seen(self) -> int:
        """The last version of the stream; 0 before the first."""
        within_it = (stored.version for stored in self.facts if stored.routing.originator_id == self.originator_id)
        return max(within_it, default=0)


class LoadedLinks(NamedTuple):
    """Who was ever linked to a partner, as of one snapshot: facts in log order, as `partner_links.sql` says.

    `now`: the clock then, `running` or standing still. `seen`: the last version of the partner's stream.
    """

    now: datetime
    running: bool
    seen: int
    facts: list[Fact]


class FoundFact(msgspec.Struct, frozen=True):
    """A fact found by id or key, its free text unless erased, and its void.

    `free_text_altered`: the text that is kept is not the one whose hash the fact holds; it is not given out.
    """

    stored: StoredFact
    free_text: str | None
    free_text_altered: bool
    void: Fact | None


def content_hash(salt: bytes, content: bytes) -> bytes:
    """The hash that detects other content under a used key. The salt is erased with its free text."""
    return sha256(salt + content).digest()


def stored_fact(columns: Sequence[Any]) -> StoredFact:
    """The fact of a row of `COLUMNS`."""
    topic, state, position, append_position, originator_id, version, partner, into, consultant, held, hash_ = columns
    return StoredFact(
        fact=wire.decode(topic, state, position, append_position),
        routing=Routing(originator_id, partner, into, consultant),
        version=version,
        held=held,
        content_hash=hash_,
    )


def loaded_of(rows: Sequence[Iterable[Any]], originator_id: str | None) -> Loaded:
    """The rows of `load_for_decision.sql`. `originator_id`: the stream of the decision."""
    now, running, person, seen, *_ = rows[0]
    receipt, salt = None, b""
    facts = []
    for _now, _running, _person, _seen, its_salt, is_receipt, *columns in rows:
        if columns[0] is None:
            continue
        facts.append(stored_fact(columns))
        if is_receipt:
            receipt, salt = facts[-1], its_salt or b""
    return Loaded(now, running, person, seen, originator_id, tuple(facts), receipt, salt)


def found_of(rows: Sequence[Iterable[Any]]) -> FoundFact | None:
    """The fact of a statement that finds one at most, with its free text and its void."""
    if not rows:
        return None
    *columns, text, salt, void_topic, void_state, void_position, void_append_position = rows[0]
    void = wire.decode(void_topic, void_state, void_position, void_append_position) if void_topic else None
    stored = stored_fact(columns)
    is_altered = text is not None and content_hash(salt, text.encode()).hex() != _hash_in(stored.fact.data)
    return FoundFact(stored, None if is_altered else text, is_altered, void)


def _hash_in(data: FactData) -> str | None:
    """The hash of the reason or evidence that the fact holds."""
    return getattr(data, "reason_hash", None) or getattr(data, "evidence_hash", None)
