"""Reading what a decision needs, appending what was decided."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Any, Final, LiteralString, NamedTuple, Self

import msgspec

from services.certification.event_store.appender import Appender
from services.certification.event_store.calls import Call, Outcome, Routing
from services.certification.event_store.database import Database
from services.certification.event_store.deadline import Deadline
from services.certification.event_store.turns import Turns
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
        SELECT coalesce($1::text, (
            SELECT e.consultant_id FROM certification.stored_events e
            WHERE e.originator_id = $2 AND e.topic = '{EXAM_REGISTERED}'
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
        SELECT e.notification_id FROM certification.stored_events e WHERE e.originator_id = $2
        UNION
        SELECT e.notification_id FROM certification.stored_events e WHERE e.fact_id = $3
        UNION
        SELECT e.notification_id FROM certification.stored_events e WHERE e.voided_fact_id = $3
        UNION
        SELECT e.notification_id FROM certification.stored_events e
        WHERE e.actor = $4 AND e.idempotency_key = $5
    )
    SELECT clock.now, clock.running, (SELECT id FROM person), t.salt,
        e.actor = $4 AND e.idempotency_key = $5, {COLUMNS}
    FROM certification.clock() clock
    LEFT JOIN (positions JOIN certification.stored_events e USING (notification_id)) ON true
    LEFT JOIN certification.free_text t
        ON t.fact_id = e.fact_id AND e.actor = $4 AND e.idempotency_key = $5
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
    SELECT h.head, f.topic, f.state, f.notification_id, f.originator_id, f.partner_id, f.into_partner_id,
        CASE WHEN f.data ? 'product' THEN ARRAY[f.data ->> 'product']
            ELSE ARRAY(SELECT jsonb_array_elements_text(f.data -> 'products')) END
    FROM (SELECT coalesce(max(e.notification_id), 0) AS head FROM certification.stored_events e) h
    LEFT JOIN LATERAL (
        SELECT e.topic, e.state, e.notification_id, e.originator_id, e.partner_id, e.into_partner_id, about.data
        FROM certification.stored_events e
        CROSS JOIN LATERAL (
            SELECT convert_from(coalesce(
                (SELECT v.state FROM certification.stored_events v WHERE v.fact_id = e.voided_fact_id), e.state
            ), 'UTF8')::jsonb -> 'data' AS data OFFSET 0
        ) about
        WHERE e.notification_id > $1::bigint AND e.notification_id <= $2::bigint
            AND ($4::text[] IS NULL OR e.topic = ANY($4::text[]))
            AND ($5::text[] IS NULL
                OR e.partner_id = ANY($5::text[]) OR e.into_partner_id = ANY($5::text[]))
            AND ($6::text[] IS NULL OR about.data ->> 'product' = ANY($6::text[])
                OR coalesce(about.data -> 'products' ?| $6::text[], false))
        ORDER BY e.notification_id LIMIT $3
    ) f ON true
    ORDER BY f.notification_id
"""
STREAM: Final[LiteralString] = """
    SELECT e.topic, e.state FROM certification.stored_events e WHERE e.originator_id = $1 ORDER BY e.originator_version
"""
BY_ID: Final[LiteralString] = FACT + "WHERE e.fact_id = $1"
BY_KEY: Final[LiteralString] = FACT + "WHERE e.actor = $1 AND e.idempotency_key = $2"


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
    """A fact of the log, without its append position, its stream, and the partners and products that it is about."""

    fact: Fact
    originator_id: str
    partner_ids: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


class LogEntries(NamedTuple):
    """Facts of the log, in order, and the last position of the log when they were read."""

    entries: list[LogEntry]
    head: int


CONSULTANTS_MAX: Final = 10_000
"""Streams of registrations of which it is remembered whose they are."""

_encoder: Final = msgspec.json.Encoder()


def content_hash(salt: bytes, content: bytes) -> bytes:
    """What tells other content under a used key. The salt is erased with the free text that it came with."""
    return sha256(salt + content).digest()


class EventStore:
    """The fact log. Every call is bounded by a deadline and raises `Unavailable` then. Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._appender = Appender(database)
        self._consultants: dict[str, str] = {}
        self.turns = Turns()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._appender.close()

    def within_deadline(self) -> Deadline:
        """Bounds a request as a whole, whatever it calls."""
        return self._database.within_deadline()

    async def append(self, call: Call, deadline: float | None = None) -> Outcome:
        """Appends in one round trip, together with what others append at the time.

        `deadline`: until when the caller waits, by the loop's clock, where it bounds the call itself.
        """
        if deadline is not None:
            return await self._appender.append(_encoder.encode(call), deadline)
        async with self.within_deadline() as bound:
            return await self._appender.append(_encoder.encode(call), bound.when)

    async def load(
        self,
        actor: str,
        key: str,
        *,
        consultant_id: str | None = None,
        originator_id: str | None = None,
        fact_id: str | None = None,
    ) -> Loaded:
        """What a decision about the consultant, the stream or the fact to void may depend on, in one round trip."""
        rows = await self._database.select(LOAD, consultant_id, originator_id, fact_id, actor, key)
        now, running, person, *_ = rows[0]
        receipt, salt = None, b""
        facts = []
        for _now, _running, _person, its_salt, is_receipt, *columns in rows:
            if columns[0] is None:
                continue
            facts.append(_stored(columns))
            if is_receipt:
                receipt, salt = facts[-1], its_salt or b""
        if person is not None and originator_id is not None:
            self._remember(originator_id, person)
        return Loaded(now, running, person, originator_id, tuple(facts), receipt, salt)

    def consultant_of(self, originator_id: str) -> str | None:
        """Whose registration the stream is, where that was loaded lately. A hint: it may have changed since."""
        return self._consultants.get(originator_id)

    def _remember(self, originator_id: str, consultant_id: str) -> None:
        self._consultants.pop(originator_id, None)
        self._consultants[originator_id] = consultant_id
        if len(self._consultants) > CONSULTANTS_MAX:
            del self._consultants[next(iter(self._consultants))]

    async def fact(self, fact_id: str) -> FoundFact | None:
        """The fact of this id."""
        return _found(await self._database.select(BY_ID, fact_id))

    async def fact_by_key(self, actor: str, key: str) -> FoundFact | None:
        """The fact that an idempotency key of this caller stands for."""
        return _found(await self._database.select(BY_KEY, actor, key))

    async def stream(self, originator_id: str) -> list[Fact]:
        """The facts of one stream, in order, without their positions."""
        return [wire.decode(topic, state, 0, 0) for topic, state in await self._database.select(STREAM, originator_id)]

    async def facts_after(self, after: int, through: int, limit: int, which: LogFilter = EVERYTHING) -> LogEntries:
        """The facts after a position of the log and up to another, at most `limit`."""
        rows = await self._database.select(
            FACTS_AFTER,
            after,
            through,
            limit,
            list(which.topics) or None,
            list(which.partner_ids) or None,
            list(which.products) or None,
        )
        found = [
            LogEntry(
                wire.decode(topic, state, position, 0),
                originator_id,
                tuple(partner_id for partner_id in partner_ids if partner_id is not None),
                tuple(products),
            )
            for _, topic, state, position, originator_id, *partner_ids, products in rows
            if position is not None
        ]
        return LogEntries(found, rows[0][0])

    async def now(self) -> datetime:
        """The clock of the whole system."""
        now: datetime = (await self._database.select("SELECT certification.now()"))[0][0]
        return now

    async def settle(self, known_at: datetime) -> None:
        """Returns once everything that is ever recorded up to this instant can be read (R31)."""
        later = "SELECT FROM certification.stored_events WHERE recorded_at > $1 LIMIT 1"
        if not await self._database.select(later, known_at):
            await self._database.select("SELECT head FROM certification.barrier()")

    async def settle_sandbox(self, wanted: bool) -> bool:
        """Whether the database is a sandbox; the first start decides it for ever."""
        settled: bool = (await self._database.select("SELECT certification.settle_sandbox($1)", wanted))[0][0]
        return settled


def _stored(columns: Sequence[Any]) -> StoredFact:
    topic, state, position, append_position, originator_id, version, partner, into, consultant, held, hash_ = columns
    return StoredFact(
        fact=wire.decode(topic, state, position, append_position),
        routing=Routing(originator_id, partner, into, consultant),
        version=version,
        held=held,
        content_hash=hash_,
    )


def _found(rows: Sequence[Iterable[Any]]) -> FoundFact | None:
    if not rows:
        return None
    *columns, text, void_topic, void_state, void_position, void_append_position = rows[0]
    void = wire.decode(void_topic, void_state, void_position, void_append_position) if void_topic else None
    return FoundFact(_stored(columns), text, void)
