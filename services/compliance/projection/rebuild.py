"""Derives the whole read model from nothing, into a schema of its own, and takes it into use or compares it.

Partner by partner, on every core: PostgreSQL routes and orders all facts at once, a process holds those
of a few partners at a time, and one final sort numbers the events. Memory does not grow with the log.
What comes out is the same to the byte as what the follower derived step by step.
"""

import asyncio
import gc
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from typing import Final, NamedTuple

import psycopg
from pydantic import SecretStr
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint, create_engine
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex, DropSchema, ExecutableDDLElement

from services.compliance.database import OwnConnection, connect
from services.compliance.policy.parameters import Parameters
from services.compliance.projection.batch import advance_fully
from services.compliance.projection.comparison import differences
from services.compliance.projection.follower import BARRIER
from services.compliance.projection.replay import derive
from services.compliance.read_model.derived import Derived
from services.compliance.read_model.fact_log import ROUTES, routed_facts
from services.compliance.read_model.migrations import upgrade
from services.compliance.read_model.step_key import EVERY_PARTNER, FACTS, TIMER, StepKey
from services.compliance.read_model.tables import compliance_event
from services.compliance.read_model.writing import Progress, advance_progress, read_progress
from services.compliance.settings import ComplianceSettings

REBUILT_SCHEMA: Final = "compliance_rebuilt"
RETIRED_SCHEMA: Final = "compliance_retired"
PARTNERS_PER_TASK: Final = 128
_TASKS_AHEAD: Final = 3
"""Tasks handed out per process beyond the one in hand."""

_ALONE: Final = "SELECT pg_try_advisory_lock(hashtext('sagecert compliance rebuild'))"

_PARTNERS: Final = """
    CREATE UNLOGGED TABLE asked AS
    SELECT partner_id FROM certification.stored_events WHERE partner_id IS NOT NULL
    UNION SELECT into_partner_id FROM certification.stored_events WHERE into_partner_id IS NOT NULL
"""
"""Every partner that any fact names. Routing all of them at once reads the log a few times, not once per partner."""

_ROUTE: Final = f"""
    CREATE UNLOGGED TABLE routed_fact AS
    WITH RECURSIVE through AS (SELECT {{through}}::bigint AS position),
    {ROUTES}
    SELECT r.asked_id, r.notification_id, r.append_position, r.topic, r.state
    FROM routed r ORDER BY r.asked_id, r.notification_id
"""

_NEXT_PARTNERS: Final = "SELECT partner_id FROM asked WHERE partner_id > $1 ORDER BY partner_id LIMIT $2"

_ROUTED: Final = """
    SELECT asked_id, notification_id, append_position, topic, state FROM routed_fact
    WHERE asked_id BETWEEN $1 AND $2 ORDER BY asked_id, notification_id
"""

_FOR_EVERYBODY: Final = """
    SELECT asked_id, notification_id, append_position, topic, state FROM routed_fact
    WHERE asked_id IS NULL ORDER BY notification_id
"""

_STAGE: Final = """
    CREATE UNLOGGED TABLE derived_event (
        instant timestamptz, kind smallint, position bigint, partner_id text COLLATE "C", ordinal integer,
        event_id text COLLATE "C", type text, products text[], effective_at timestamptz, subject text, data bytea)
"""

_NUMBER: Final = """
    INSERT INTO compliance_event (
        sequence, event_id, type, partner_id, products, effective_at, recorded_at, position, subject, data)
    SELECT row_number() OVER (ORDER BY instant, kind, position, partner_id, ordinal), event_id, type, partner_id,
        products, effective_at, instant, position, subject, data
    FROM derived_event
"""


_FOR_BULK: Final = """
    SET LOCAL work_mem = '256MB'; SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL enable_seqscan = on;
    SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on
"""

_INDEXES: Final = sorted(compliance_event.indexes, key=str)
_KEYS: Final = [one for one in compliance_event.constraints if isinstance(one, PrimaryKeyConstraint | UniqueConstraint)]


def _sql(statement: ExecutableDDLElement) -> str:
    return str(statement.compile(dialect=PGDialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so


_WITHOUT_INDEXES: Final = [*map(_sql, map(DropConstraint, _KEYS)), *map(_sql, map(DropIndex, _INDEXES))]
_WITH_INDEXES: Final = [*map(_sql, map(AddConstraint, _KEYS)), *map(_sql, map(CreateIndex, _INDEXES))]


class AlreadyRebuilding(RuntimeError):
    """Two rebuilds at once would write into the same schema."""


class Rebuilt(NamedTuple):
    """What a rebuild derived, and, where it was compared, in what it differs (nothing: the same to the byte)."""

    partners: int
    events: int
    position: int
    known_through: datetime
    differences: tuple[str, ...] = ()


class _Task(NamedTuple):
    """Partners, in order, to derive up to a step."""

    settings: ComplianceSettings
    partner_ids: list[str]
    until: StepKey


def run(
    settings: ComplianceSettings,
    owner_url: str,
    *,
    verify: bool,
    tell: Callable[[str], None] = lambda _: None,
    processes: int | None = None,
) -> Rebuilt:
    """Rebuilds the read model of `settings` as the owner of its schema, while the service goes on.

    `verify`: compares the rebuilt one with the one in use and throws it away. Otherwise it is taken
    into use in its place, in one transaction, once it has caught up. `tell` hears of the progress.
    Raises `AlreadyRebuilding`, and what PostgreSQL raises; what was in use then stays in use.
    """
    with psycopg.connect(owner_url, autocommit=True) as connection:
        if connection.execute(_ALONE).fetchone() != (True,):
            raise AlreadyRebuilding("Another rebuild is under way on this database: let it finish.")
        return _run(settings, owner_url, verify, tell, processes or os.cpu_count() or 1)


def _run(
    settings: ComplianceSettings, owner_url: str, verify: bool, tell: Callable[[str], None], processes: int
) -> Rebuilt:
    live = settings.model_copy(update={"database_url": SecretStr(owner_url), "database_role": None})
    rebuilt = live.model_copy(update={"database_schema": REBUILT_SCHEMA})
    _make_schema(owner_url, REBUILT_SCHEMA)
    try:
        return asyncio.run(_rebuild(live, rebuilt, verify, tell, processes))
    finally:
        _drop_schemas(owner_url, REBUILT_SCHEMA, RETIRED_SCHEMA)


async def _rebuild(
    live: ComplianceSettings, rebuilt: ComplianceSettings, verify: bool, tell: Callable[[str], None], processes: int
) -> Rebuilt:
    in_use, target = await connect(live), await connect(rebuilt)
    try:
        await in_use.execute("SET idle_in_transaction_session_timeout = 0")
        async with in_use.transaction(isolation="repeatable_read", readonly=True):
            goal = await read_progress(in_use)
            if not verify:
                goal = await _goal(target, live.parameters)
            partners = await _derive_all(target, rebuilt, goal, tell, processes)
            tell("numbering the events")
            progress = await _number(target, goal, live.parameters)
            found = Rebuilt(partners, progress.sequence, progress.position, progress.known_through)
            if verify:
                tell("comparing")
                return found._replace(differences=tuple(await differences(in_use, target)))
        tell("taking it into use")
        await _take_into_use(in_use, target, live.database_schema, live.parameters)
        return found
    finally:
        in_use.terminate()
        target.terminate()


async def _goal(connection: OwnConnection, parameters: Parameters) -> Progress:
    """Everything there is now, behind a barrier."""
    known_through = await connection.fetchval(BARRIER)
    position = await connection.fetchval(
        "SELECT coalesce(max(notification_id), 0) FROM certification.stored_events WHERE recorded_at <= $1",
        known_through,
    )
    recorded_at = await connection.fetchval(
        "SELECT recorded_at FROM certification.stored_events WHERE notification_id = $1", position
    )
    cursor = StepKey(known_through, TIMER, 0, EVERY_PARTNER)
    if recorded_at == known_through:
        cursor = StepKey(recorded_at, FACTS, position, EVERY_PARTNER)
    return Progress(position, known_through, cursor, 0, parameters.version)


async def _derive_all(
    connection: OwnConnection,
    rebuilt: ComplianceSettings,
    goal: Progress,
    tell: Callable[[str], None],
    processes: int,
) -> int:
    """Derives every partner, on all cores, into the second schema; returns how many there are."""
    tell("routing the facts")
    await _route(connection, max(goal.position, goal.cursor.position))
    await connection.execute(_STAGE)
    loop = asyncio.get_running_loop()
    handed_out: set[asyncio.Future[None]] = set()
    partners, after = 0, ""
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_start_process) as pool:
        while rows := await connection.fetch(_NEXT_PARTNERS, after, PARTNERS_PER_TASK):
            partner_ids = [row["partner_id"] for row in rows]
            if len(handed_out) >= processes * _TASKS_AHEAD:
                done, handed_out = await asyncio.wait(handed_out, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            work = _Task(rebuilt, partner_ids, goal.cursor)
            handed_out.add(loop.run_in_executor(pool, _run_task, work))
            partners, after = partners + len(partner_ids), partner_ids[-1]
            tell(f"{partners:,} partners")
        await asyncio.gather(*handed_out)
    await connection.execute("DROP TABLE routed_fact, asked")
    return partners


async def _route(connection: OwnConnection, through: int) -> None:
    """Stores the facts up to the position, routed to every partner and in order, for the processes to read."""
    async with connection.transaction():
        await connection.execute(_FOR_BULK)
        for statement in (
            _PARTNERS,
            "CREATE UNIQUE INDEX ON asked (partner_id)",
            "ANALYZE asked",
            _ROUTE.format(through=through),
            "CREATE INDEX ON routed_fact (asked_id, notification_id)",
        ):
            await connection.execute(statement, timeout=None)


async def _number(connection: OwnConnection, goal: Progress, parameters: Parameters) -> Progress:
    """Numbers the events in the one order of all steps, and stores how far the rebuilt read model goes.

    The indexes are built over the whole of them, which takes half as long as keeping them up meanwhile.
    """
    async with connection.transaction():
        await connection.execute(_FOR_BULK)
        for statement in (*_WITHOUT_INDEXES, _NUMBER, *_WITH_INDEXES):
            await connection.execute(statement, timeout=None)
        sequence = await connection.fetchval("SELECT coalesce(max(sequence), 0) FROM compliance_event")
        progress = goal._replace(sequence=sequence, policy_version=parameters.version)
        await advance_progress(connection, progress, "rebuild")
        await connection.execute("DROP TABLE derived_event")
    await connection.execute("ANALYZE compliance_event, standing, replacement_window, timer", timeout=None)
    return progress


async def _take_into_use(in_use: OwnConnection, target: OwnConnection, schema: str, parameters: Parameters) -> None:
    """Catches up, then swaps the schemas while nobody derives; whoever waited goes on in the new one."""
    await advance_fully(target, parameters, None, "rebuild")
    async with in_use.transaction():
        await in_use.execute("LOCK TABLE progress IN ACCESS EXCLUSIVE MODE")
        in_use_cursor = (await read_progress(in_use)).cursor
        known_through = in_use_cursor.instant if in_use_cursor.kind == TIMER else None
        await advance_fully(target, parameters, known_through, "rebuild")
        await in_use.execute(f'ALTER SCHEMA "{schema}" RENAME TO "{RETIRED_SCHEMA}"')
        await in_use.execute(f'ALTER SCHEMA "{REBUILT_SCHEMA}" RENAME TO "{schema}"')


# In the processes that derive ----------------------------------------------------------------

_runner: Final = asyncio.Runner()
_connections: Final[dict[str, OwnConnection]] = {}


def _start_process() -> None:
    """What is loaded by now stays for good. A task makes a great many objects and drops them all at its end."""
    gc.freeze()
    gc.disable()


def _run_task(task: _Task) -> None:
    """Runs in a process of its own, which keeps its connection from task to task."""
    _runner.run(_derive(task))
    gc.collect()


async def _derive(task: _Task) -> None:
    connection = _connections.get(task.settings.database_schema)
    if connection is None:
        connection = _connections[task.settings.database_schema] = await connect(task.settings)
    rows = await connection.fetch(_FOR_EVERYBODY)
    rows += await connection.fetch(_ROUTED, task.partner_ids[0], task.partner_ids[-1])
    facts = routed_facts(task.partner_ids, rows)
    derived = [
        derive(partner_id, known, None, task.until, task.settings.parameters) for partner_id, known in facts.items()
    ]
    await _copy(connection, derived)


async def _copy(connection: OwnConnection, derived: list[Derived]) -> None:
    await connection.copy_records_to_table(
        "derived_event",
        records=[
            (
                *row.key,
                row.ordinal,
                row.event.event_id,
                row.event.type,
                row.event.products,
                row.event.effective_at,
                row.event.subject,
                row.event.data,
            )
            for one in derived
            for row in one.events
        ],
    )
    await connection.copy_records_to_table("standing", records=[row for one in derived for row in one.standings])
    await connection.copy_records_to_table(
        "replacement_window", records=[row for one in derived for row in one.windows]
    )
    await connection.copy_records_to_table(
        "timer", records=[(one.partner_id, one.due_at) for one in derived if one.due_at is not None]
    )


# Schemas -------------------------------------------------------------------------------------


def _make_schema(owner_url: str, schema: str) -> None:
    """Makes the schema anew, empty."""
    _drop_schemas(owner_url, schema)
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(owner_url), poolclass=NullPool)
    with engine.begin() as connection:
        upgrade(connection, schema)


def _drop_schemas(owner_url: str, *schemas: str) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(owner_url), poolclass=NullPool)
    with engine.begin() as connection:
        for schema in schemas:
            connection.execute(DropSchema(schema, cascade=True, if_exists=True))
