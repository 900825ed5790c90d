"""The fact log: loads what a decision needs, appends what was decided, reads the log."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, LiteralString, Self, TypeVar

import asyncpg
import msgspec

from services.certification.domain.refusals import NotReady, Unavailable
from services.certification.event_store import fact_search
from services.certification.event_store.append_connection import AppendConnection
from services.certification.event_store.append_request import AppendRequest, Outcome, last_recorded
from services.certification.event_store.database import RETRY_SECONDS, TRANSIENT_ERRORS, Database
from services.certification.event_store.deadline import DID_NOT_ANSWER, Deadline, reraise_if_cancelled
from services.certification.event_store.decision_scope import NOTHING, Scope
from services.certification.event_store.fact_search import FactSearch, FoundFacts
from services.certification.event_store.group_commit import Appender
from services.certification.event_store.group_loads import GroupLoads
from services.certification.event_store.log_pages import (
    EVERYTHING,
    HeldFact,
    HeldFacts,
    LogEntries,
    LogEntry,
    LogFilter,
)
from services.certification.event_store.registrations import FACTS_MAX, REGISTRATIONS_OF, RegistrationsPage, page_of
from services.certification.event_store.stored_facts import COLUMNS, FoundFact, Loaded, LoadedLinks, found_of, loaded_of
from services.certification.event_store.turns_by_subject import Turns
from services.web.fair_places import FairPlaces
from services.web.refusal import EngineNotInstalled
from shared.events import wire
from shared.events.envelope import Fact

T = TypeVar("T")


def _read(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")


LOAD: Final = _read("load_for_decision")
LOAD_RECOGNITIONS: Final = _read("load_for_recognitions")
LOAD_SUBJECTS: Final = _read("load_subjects")
LOAD_BY_ID: Final = _read("load_facts_by_id")
FACTS_AFTER: Final = _read("facts_after")
HELD_FACTS: Final = _read("held_facts")
PROGRAMMES_IN_FORCE: Final = _read("programmes_in_force")
PARTNER_LINKS: Final = _read("partner_links")

FACT: Final[LiteralString] = f"""
    SELECT {COLUMNS}, t.text, t.salt,
        v.topic, v.state, v.notification_id, v.append_position
    FROM certification.stored_events e
    LEFT JOIN certification.free_text t ON t.fact_id = e.fact_id
    LEFT JOIN certification.stored_events v ON v.voided_fact_id = e.fact_id
"""
STREAM: Final[LiteralString] = """
    SELECT e.topic, e.state FROM certification.stored_events e WHERE e.originator_id = $1 ORDER BY e.originator_version
"""
BY_ID: Final[LiteralString] = FACT + "WHERE e.fact_id = $1"
BY_KEY: Final[LiteralString] = FACT + "WHERE e.actor = $1 AND e.idempotency_key = $2"


LOCK_HOLDERS: Final[LiteralString] = """
    SELECT l.pid FROM pg_catalog.pg_locks l
    WHERE l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND l.relation = to_regclass('certification.recording') AND l.granted AND l.pid <> pg_backend_pid()
        AND l.mode IN ('ExclusiveLock', 'AccessExclusiveLock')
"""

APPENDING_SECONDS_MAX: Final = 1.5
"""The longest time an append may take while the service counts as ready."""
LOCK_HOLDERS_SECONDS_MAX: Final = 0.5
"""The longest time to look for the holder of the append lock after that."""

AT_ONCE_MAX: Final = 200
"""The most facts that the event loop decodes and decides on by itself: some milliseconds."""

CONSULTANTS_MAX: Final = 10_000
"""The most registrations whose consultants are remembered."""

STATEMENTS_MAX: Final = 4
"""Statements of all the people of a partner that are decided at the same time, each with all facts behind it."""

SEARCHES_MAX: Final = 2
"""Searches that run at the same time: each can keep a processor of the database busy."""

_encoder: Final = msgspec.json.Encoder()


class EventStore:
    """The fact log. Every call is bounded by a deadline and raises `Unavailable` then. Belongs to one event loop.

    `engine_id`: the engine that decides; appends raise `EngineNotInstalled` where another one is installed.
    `recorded`: called with the last position recorded, before any caller is answered.
    """

    def __init__(
        self, database: Database, engine_id: str | None = None, recorded: Callable[[int], None] = lambda _: None
    ) -> None:
        self._database = database
        self._recorded = recorded
        self._appender = Appender(database, engine_id, recorded)
        self._recognitions = GroupLoads(database, LOAD_RECOGNITIONS)
        self._runs = AppendConnection(database, engine_id)
        self._run = asyncio.Lock()
        self._consultants: dict[str, str] = {}
        self._probing: asyncio.Task[str | None] | None = None
        self._aside = asyncio.Semaphore(1)
        self.turns = Turns()
        self.statements = asyncio.Semaphore(STATEMENTS_MAX)
        self._searches = FairPlaces(SEARCHES_MAX)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._appender.close()
        await self._recognitions.close()
        self._runs.close()

    def within_deadline(self) -> Deadline:
        """Bounds a request as a whole."""
        return self._database.within_deadline()

    async def append(self, call: AppendRequest, deadline: float | None = None) -> Outcome:
        """Appends in one round trip, together with what others append at the time.

        `deadline`: until when the caller waits, by the loop's clock, where it bounds the call itself.
        """
        if deadline is not None:
            return await self._appender.append(_encoder.encode(call), deadline)
        async with self.within_deadline() as bound:
            return await self._appender.append(_encoder.encode(call), bound.when)

    async def append_run(self, calls: Sequence[AppendRequest]) -> list[Outcome]:
        """Appends calls of one caller, each decided as if those before it were appended, and nobody else's with them.

        After the first that is not recorded, the others are conflicts. The caller bounds the wait. Raises the error of
        the database where it refuses one of them.
        """
        if not calls:
            return []
        encoded = [_encoder.encode(msgspec.structs.replace(call, follows=True)) for call in calls]
        async with self._run:
            while True:
                try:
                    outcomes = await self._runs.send(encoded)
                except TRANSIENT_ERRORS as error:
                    reraise_if_cancelled(error)
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    self._recorded(last_recorded(outcomes))
                    return outcomes

    async def load_subjects(
        self,
        people: Collection[str],
        streams: Collection[str],
        actor: str,
        keys: Collection[str],
        facts_min: int,
        facts_shared: int = 0,
        known: Collection[str] = (),
    ) -> list[asyncpg.Record]:
        """The rows of `load_subjects.sql`: all facts of these people and streams, and those recorded under the keys."""
        named = list(people), list(streams), actor, list(keys)
        return await self._database.select(LOAD_SUBJECTS, *named, facts_min, facts_shared, list(known))

    async def load_facts_by_id(self, fact_ids: Collection[str]) -> list[asyncpg.Record]:
        """The rows of `load_facts_by_id.sql`: these facts and their voids."""
        return await self._database.select(LOAD_BY_ID, list(fact_ids))

    async def load_links(self, partner_id: str, facts_max: int) -> LoadedLinks:
        """Who was ever linked to the partner; one more fact than `facts_max` where there are more."""
        rows = await self._database.select(PARTNER_LINKS, partner_id, facts_max)
        facts = await self.aside(len(rows), lambda: [wire.decode(*row[3:]) for row in rows if row[3] is not None])
        now, running, seen, *_ = rows[0]
        return LoadedLinks(now, running, seen, facts)

    async def load(self, actor: str, key: str, scope: Scope = NOTHING) -> Loaded:
        """Loads the facts of the scope, and the fact recorded under the key, in one round trip."""
        consultant_id, originator_id, fact_id, *about = scope
        if scope.of_recognition:
            duty = f"{scope.product} "
            return loaded_of(await self._recognitions.load(consultant_id, duty, scope.effective_at, actor, key), None)
        rows = await self._database.select(LOAD, consultant_id, originator_id, fact_id, actor, key, *about)
        loaded = await self.aside(len(rows), partial(loaded_of, rows, originator_id))
        if loaded.consultant_id is not None and originator_id is not None:
            self._remember(originator_id, loaded.consultant_id)
        return loaded

    async def aside(self, facts: int, work: Callable[[], T]) -> T:
        """Runs `work` over a number of facts: at once if they are few, otherwise in a thread, one at a time."""
        if facts <= AT_ONCE_MAX:
            return work()
        async with self._aside:
            return await asyncio.to_thread(work)

    def consultant_of(self, originator_id: str) -> str | None:
        """The consultant of the registration, if loaded lately. A hint: it may have changed since."""
        return self._consultants.get(originator_id)

    def _remember(self, originator_id: str, consultant_id: str) -> None:
        self._consultants.pop(originator_id, None)
        self._consultants[originator_id] = consultant_id
        if len(self._consultants) > CONSULTANTS_MAX:
            del self._consultants[next(iter(self._consultants))]

    async def fact(self, fact_id: str) -> FoundFact | None:
        """The fact of this id."""
        return found_of(await self._database.select(BY_ID, fact_id))

    async def held_facts(self, after: int, limit: int) -> HeldFacts:
        """The facts that wait since a later position than `after`; `limit`: how many such positions are looked at."""
        rows = await self._database.select(HELD_FACTS, after, limit)
        facts = [HeldFact(*row[:9]) for row in rows if row[0] is not None]
        through, more = rows[0][9:]
        return HeldFacts(facts, through if more else None)

    async def search(self, which: FactSearch, limit: int) -> FoundFacts:
        """The newest facts that are looked for, at most `limit`. Few searches run at once, of callers in turn."""
        async with self.within_deadline(), self._searches.place():
            return await fact_search.search(self._database, which, limit)

    async def fact_by_key(self, actor: str, key: str) -> FoundFact | None:
        """The fact recorded under an idempotency key of this caller."""
        return found_of(await self._database.select(BY_KEY, actor, key))

    async def stream(self, originator_id: str) -> list[Fact]:
        """The facts of one stream, in order, without their positions."""
        rows = await self._database.select(STREAM, originator_id)
        return await self.aside(len(rows), lambda: [wire.decode(topic, state, 0, 0) for topic, state in rows])

    async def registrations_of(
        self, consultant_id: str, before: int | None, limit: int, known_at: datetime
    ) -> RegistrationsPage:
        """The exam registrations of a person before a position, latest first; at most `limit` are looked at."""
        rows = await self._database.select(REGISTRATIONS_OF, consultant_id, before, limit, known_at, FACTS_MAX)
        return await self.aside(len(rows), lambda: page_of(rows))

    async def programmes_in_force(self) -> tuple[str, ...]:
        """The eligible programmes now, by the revisions of the policy (R11, R39); empty: none names any."""
        rows = await self._database.select(PROGRAMMES_IN_FORCE)
        return msgspec.json.decode(rows[0][0], type=tuple[str, ...]) if rows else ()

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
            for _, _, topic, state, position, originator_id, *partner_ids, products in rows
            if position is not None
        ]
        return LogEntries(found, *rows[0][:2])

    async def assert_appending(self) -> None:
        """Raises `NotReady`, with the reason, unless appends work. Concurrent calls share one probe."""
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._why_not_appending())
        reason = await asyncio.shield(self._probing)
        if reason is not None:
            raise NotReady(reason)

    async def _why_not_appending(self) -> str | None:
        deadline = asyncio.get_running_loop().time() + APPENDING_SECONDS_MAX
        try:
            async with Deadline(deadline):
                await self._appender.probe(deadline)
        except EngineNotInstalled as refusal:
            return refusal.detail
        except (Unavailable, asyncpg.PostgresError):
            reason = self._appender.reason or DID_NOT_ANSWER
        else:
            no_room = self._appender.reason
            return None if no_room is None else f"Facts cannot be appended: {no_room}"
        try:
            async with Deadline(asyncio.get_running_loop().time() + LOCK_HOLDERS_SECONDS_MAX):
                holders = await self._database.select(LOCK_HOLDERS)
        except (Unavailable, asyncpg.PostgresError):
            return f"Facts cannot be appended: {reason}"
        if not holders:
            return f"Facts cannot be appended: {reason}"
        pids = ", ".join(str(pid) for (pid,) in holders)
        return f"No fact was appended for {APPENDING_SECONDS_MAX:g} s: PostgreSQL process {pids} holds the append lock."

    async def now(self) -> datetime:
        """The clock of the whole system."""
        now: datetime = (await self._database.select("SELECT certification.now()"))[0][0]
        return now

    async def await_known(self, known_at: datetime) -> None:
        """Returns once no fact can be recorded up to this instant any more, and all that were can be read (R31)."""
        later = "SELECT FROM certification.stored_events WHERE recorded_at > $1 LIMIT 1"
        if not await self._database.select(later, known_at):
            await self._database.select("SELECT head FROM certification.barrier()")

    async def fix_database_kind(self, sandbox: bool) -> bool:
        """Whether the database is a sandbox; the first start decides it for ever."""
        fixed: bool = (await self._database.select("SELECT certification.settle_sandbox($1)", sandbox))[0][0]
        return fixed
