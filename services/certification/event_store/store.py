"""Reading what a decision needs, appending what was decided."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, LiteralString, NamedTuple

import msgspec
import psycopg

from services.certification.event_store.calls import Call, Outcome, Routing
from services.certification.event_store.database import Database
from services.certification.event_store.group_commit import GroupCommit
from shared.events import wire
from shared.events.envelope import Fact

COLUMNS: Final[LiteralString] = """
    e.topic, e.state, e.notification_id, e.append_position, e.originator_id, e.originator_version,
    e.partner_id, e.into_partner_id, e.consultant_id, e.held, e.content_hash
"""

EXAM_REGISTERED: Final[LiteralString] = "com.sage.partnercloud.exam-registered.v1"

# Everything that a decision may depend on, with the clock and with what the key already stands for:
# - the facts of the consultant: the one named, or the one whose registration the stream is, unless it is voided;
# - the stream, and those of the consultant's registrations: what was held there names no consultant;
# - a fact that is to be voided, and its void.
LOAD: Final[LiteralString] = f"""
    WITH person AS MATERIALIZED (
        SELECT coalesce(%(consultant_id)s::text, (
            SELECT e.consultant_id FROM certification.stored_events e
            WHERE e.originator_id = %(originator_id)s AND e.topic = '{EXAM_REGISTERED}'
                AND NOT EXISTS (SELECT FROM certification.stored_events v WHERE v.voided_fact_id = e.fact_id)
            LIMIT 1
        )) AS id
    ),
    positions AS MATERIALIZED (
        SELECT e.notification_id FROM certification.stored_events e WHERE e.consultant_id = (SELECT id FROM person)
        UNION
        SELECT e.notification_id
        FROM certification.stored_events r JOIN certification.stored_events e USING (originator_id)
        WHERE r.consultant_id = (SELECT id FROM person) AND r.topic = '{EXAM_REGISTERED}'
        UNION
        SELECT e.notification_id FROM certification.stored_events e WHERE e.originator_id = %(originator_id)s
        UNION
        SELECT e.notification_id FROM certification.stored_events e WHERE e.fact_id = %(fact_id)s
        UNION
        SELECT e.notification_id FROM certification.stored_events e WHERE e.voided_fact_id = %(fact_id)s
        UNION
        SELECT e.notification_id FROM certification.stored_events e
        WHERE e.actor = %(actor)s AND e.idempotency_key = %(key)s
    )
    SELECT clock.now, clock.running, (SELECT id FROM person), t.salt,
        e.actor = %(actor)s AND e.idempotency_key = %(key)s, {COLUMNS}
    FROM certification.clock() clock
    LEFT JOIN (positions JOIN certification.stored_events e USING (notification_id)) ON true
    LEFT JOIN certification.free_text t
        ON t.fact_id = e.fact_id AND e.actor = %(actor)s AND e.idempotency_key = %(key)s
    ORDER BY e.notification_id
"""

FACT: Final[LiteralString] = f"""
    SELECT {COLUMNS}, t.text,
        v.topic, v.state, v.notification_id, v.append_position
    FROM certification.stored_events e
    LEFT JOIN certification.free_text t ON t.fact_id = e.fact_id
    LEFT JOIN certification.stored_events v ON v.voided_fact_id = e.fact_id
"""
# A fact is about the partners and the products that it names; a void, about those of the fact that it voids.
FACTS_AFTER: Final[LiteralString] = """
    SELECT h.head, f.topic, f.state, f.notification_id, f.originator_id
    FROM (SELECT coalesce(max(e.notification_id), 0) AS head FROM certification.stored_events e) h
    LEFT JOIN LATERAL (
        SELECT e.topic, e.state, e.notification_id, e.originator_id
        FROM certification.stored_events e
        WHERE e.notification_id > %(after)s AND e.notification_id <= %(through)s
            AND (%(topics)s::text[] IS NULL OR e.topic = ANY(%(topics)s))
            AND (%(partner_ids)s::text[] IS NULL
                OR e.partner_id = ANY(%(partner_ids)s) OR e.into_partner_id = ANY(%(partner_ids)s))
            AND (%(products)s::text[] IS NULL OR (
                SELECT about.data ->> 'product' = ANY(%(products)s)
                    OR coalesce(about.data -> 'products' ?| %(products)s, false)
                FROM (SELECT convert_from(coalesce(
                    (SELECT v.state FROM certification.stored_events v WHERE v.fact_id = e.voided_fact_id), e.state
                ), 'UTF8')::jsonb -> 'data' AS data OFFSET 0) about))
        ORDER BY e.notification_id LIMIT %(limit)s
    ) f ON true
    ORDER BY f.notification_id
"""
BY_ID: Final[LiteralString] = FACT + "WHERE e.fact_id = %(fact_id)s"
BY_KEY: Final[LiteralString] = FACT + "WHERE e.actor = %(actor)s AND e.idempotency_key = %(key)s"


class StoredFact(msgspec.Struct, frozen=True):
    """A fact of the log with its place in its stream and whom it is about.

    `held` and `content_hash` belong to the receipt of the call that reported it; None on a decision.
    """

    fact: Fact
    routing: Routing
    version: int
    held: bool | None
    content_hash: bytes | None


class Loaded(msgspec.Struct, frozen=True):
    """What a decision may depend on, as of one snapshot.

    `now`: the clock then, `running` or standing still. `consultant_id`: whose facts these are, all of them;
    `originator_id`: whose stream is among them, the whole of it.
    `receipt`: the fact that the idempotency key stands for, if it is used, with the salt of its free text.
    """

    now: datetime
    running: bool
    consultant_id: str | None
    originator_id: str | None
    facts: tuple[StoredFact, ...]
    receipt: StoredFact | None
    salt: bytes

    @property
    def consultant_seen(self) -> int:
        """The last position of a fact of the consultant; 0 before the first."""
        about = (each.fact.position for each in self.facts if each.routing.consultant_id == self.consultant_id)
        return max(about, default=0)

    @property
    def originator_seen(self) -> int:
        """The last version of the stream; 0 before the first."""
        within_it = (each.version for each in self.facts if each.routing.originator_id == self.originator_id)
        return max(within_it, default=0)


class FoundFact(msgspec.Struct, frozen=True):
    """A fact asked for by id or key, its free text unless erased, and the void that voided it."""

    stored: StoredFact
    free_text: str | None
    void: Fact | None


class LogFilter(NamedTuple):
    """Which facts of the log: of these topics, and about one of these partners, and one of these products.

    Empty: any.
    """

    topics: Sequence[str] = ()
    partner_ids: Sequence[str] = ()
    products: Sequence[str] = ()


EVERYTHING: Final = LogFilter()


class LogEntry(NamedTuple):
    """A fact of the log, without its append position, and its stream."""

    fact: Fact
    originator_id: str


class LogEntries(NamedTuple):
    """Facts of the log, in order, and the last position of the log when they were read."""

    entries: list[LogEntry]
    head: int


def content_hash(salt: bytes, content: bytes) -> bytes:
    """What tells other content under a used key. The salt is erased with the free text that it came with."""
    return sha256(salt + content).digest()


class EventStore:
    """The fact log. Every call is bounded by the deadline of the thread and raises `Unavailable` then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._group = GroupCommit(self._send)

    def within_deadline(self) -> AbstractContextManager[None]:
        """Bounds a request as a whole, whatever it calls."""
        return self._database.within_deadline()

    def append(self, call: Call) -> Outcome:
        """Appends in one round trip, together with what other threads append at the time."""
        with self.within_deadline():
            return self._group.append(msgspec.json.encode(call))

    def load(
        self,
        actor: str,
        key: str,
        *,
        consultant_id: str | None = None,
        originator_id: str | None = None,
        fact_id: str | None = None,
    ) -> Loaded:
        """What a decision about the consultant, the stream or the fact to void may depend on, in one round trip."""
        rows = self._database.select(
            LOAD,
            {
                "actor": actor,
                "key": key,
                "consultant_id": consultant_id,
                "originator_id": originator_id,
                "fact_id": fact_id,
            },
        )
        now, running, person, _salt, _is_receipt, *_ = rows[0]
        receipt, salt = None, b""
        facts = []
        for _now, _running, _person, its_salt, is_receipt, *columns in rows:
            if columns[0] is None:
                continue
            facts.append(_stored(columns))
            if is_receipt:
                receipt, salt = facts[-1], its_salt or b""
        return Loaded(now, running, person, originator_id, tuple(facts), receipt, salt)

    def fact(self, fact_id: str) -> FoundFact | None:
        """The fact of this id."""
        return _found(self._database.select(BY_ID, {"fact_id": fact_id}))

    def fact_by_key(self, actor: str, key: str) -> FoundFact | None:
        """The fact that an idempotency key of this caller stands for."""
        return _found(self._database.select(BY_KEY, {"actor": actor, "key": key}))

    def stream(self, originator_id: str) -> list[Fact]:
        """The facts of one stream, in order, without their positions."""
        events = self._database.until_answered(lambda recorder: recorder.select_events(originator_id))
        return [wire.decode(event.topic, event.state, 0, 0) for event in events]

    def facts_after(self, after: int, through: int, limit: int, which: LogFilter = EVERYTHING) -> LogEntries:
        """The facts after a position of the log and up to another, at most `limit`."""
        rows = self._database.select(
            FACTS_AFTER,
            {
                "after": after,
                "through": through,
                "limit": limit,
                "topics": list(which.topics) or None,
                "partner_ids": list(which.partner_ids) or None,
                "products": list(which.products) or None,
            },
        )
        found = [
            LogEntry(wire.decode(topic, state, position, 0), originator_id)
            for _, topic, state, position, originator_id in rows
            if position is not None
        ]
        return LogEntries(found, rows[0][0])

    def now(self) -> datetime:
        """The clock of the whole system."""
        now: datetime = self._database.select("SELECT certification.now()")[0][0]
        return now

    def settle(self, known_at: datetime) -> None:
        """Returns once everything that is ever recorded up to this instant can be read (R31)."""
        later = "SELECT FROM certification.stored_events WHERE recorded_at > %(known_at)s LIMIT 1"
        if not self._database.select(later, {"known_at": known_at}):
            self._database.select("SELECT head FROM certification.barrier()")

    def settle_sandbox(self, wanted: bool) -> bool:
        """Whether the database is a sandbox; the first start decides it for ever."""
        settled: bool = self._database.select("SELECT certification.settle_sandbox(%(wanted)s)", {"wanted": wanted})[0][
            0
        ]
        return settled

    def _send(self, calls: Sequence[bytes]) -> Sequence[Outcome | Exception]:
        """Sends a group; where the database refuses it, each call by itself, so that one spoils no other."""
        try:
            return self._database.append(b"[%b]" % b",".join(calls))
        except psycopg.Error as error:
            if len(calls) == 1:
                return [error]
            return [answer for call in calls for answer in self._send([call])]


def _stored(columns: Sequence[Any]) -> StoredFact:
    topic, state, position, append_position, originator_id, version, partner, into, consultant, held, hash_ = columns
    return StoredFact(
        fact=wire.decode(topic, state, position, append_position),
        routing=Routing(originator_id, partner, into, consultant),
        version=version,
        held=held,
        content_hash=hash_,
    )


def _found(rows: Sequence[Sequence[Any]]) -> FoundFact | None:
    if not rows:
        return None
    *columns, text, void_topic, void_state, void_position, void_append_position = rows[0]
    void = wire.decode(void_topic, void_state, void_position, void_append_position) if void_topic else None
    return FoundFact(_stored(columns), text, void)
