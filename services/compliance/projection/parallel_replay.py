"""Derives every partner from nothing, on every core, into tables of the read model that a rebuild numbers.

PostgreSQL routes and orders all facts at once; a process holds those of a few partners at a time. Memory does not
grow with the log.
"""

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, NamedTuple

from services.compliance.database import OwnConnection, connect
from services.compliance.policy.replay_position import ReplayPosition
from services.compliance.projection.prior_publication import prior_publications
from services.compliance.projection.replay import derive
from services.compliance.read_model.checkpoint import Checkpoint, PolicyUpgrade
from services.compliance.read_model.routing import ROUTES, routed_facts
from services.compliance.read_model.rows import PartnerRows
from services.compliance.settings import ComplianceSettings

PARTNERS_PER_TASK: Final = 128
_TASKS_AHEAD: Final = 3
"""Tasks handed out per process beyond the one in hand."""

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
        instant timestamptz, position bigint, partner_id text COLLATE "C", ordinal integer,
        event_id text COLLATE "C", type text, products text, effective_at timestamptz, subject text, data bytea)
"""

FOR_BULK: Final = """
    SET LOCAL work_mem = '256MB'; SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL enable_seqscan = on;
    SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on
"""
"""For a transaction that reads or writes whole tables: these sessions plan by index otherwise."""

_WITHOUT_WAITING: Final = "SET synchronous_commit = off"
"""What a crash of the server takes was not in use yet: the transaction that takes it into use reaches the disk last."""


class _Task(NamedTuple):
    """Partners, in order, to derive up to a step, after what was published in another schema."""

    settings: ComplianceSettings
    partner_ids: list[str]
    until: ReplayPosition
    upgraded_from: PolicyUpgrade | None
    published_in: str


async def replay_all_partners(
    connection: OwnConnection,
    rebuilt: ComplianceSettings,
    goal: Checkpoint,
    published_in: str,
    processes: int,
    on_progress: Callable[[str], None],
) -> int:
    """Derives every partner up to the goal into the schema of `rebuilt`; returns how many there are.

    The events are left unnumbered in the table `derived_event`: those after the goal's policy upgrade, if it has one,
    and those that correct what was published before, in the schema `published_in`.
    """
    on_progress("routing the facts")
    loop = asyncio.get_running_loop()
    handed_out: set[asyncio.Future[None]] = set()
    partners, after = 0, ""
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_start_process) as pool:
        for _ in range(processes):  # Each starts one more process: they load their code while the database routes.
            pool.submit(_do_nothing)
        await _route(connection, max(goal.position, goal.cursor.position))
        await connection.execute(_STAGE)
        while rows := await connection.fetch(_NEXT_PARTNERS, after, PARTNERS_PER_TASK):
            partner_ids = [row["partner_id"] for row in rows]
            if len(handed_out) >= processes * _TASKS_AHEAD:
                done, handed_out = await asyncio.wait(handed_out, return_when=asyncio.FIRST_COMPLETED)
                for finished in done:
                    finished.result()
            task = _Task(rebuilt, partner_ids, goal.cursor, goal.upgraded_from, published_in)
            handed_out.add(loop.run_in_executor(pool, _run_task, task))
            partners, after = partners + len(partner_ids), partner_ids[-1]
            on_progress(f"{partners:,} partners")
        await asyncio.gather(*handed_out)
    await connection.execute("DROP TABLE routed_fact, asked")
    return partners


async def _route(connection: OwnConnection, through: int) -> None:
    """Stores the facts up to the position, routed to every partner and in order, for the processes to read."""
    async with connection.transaction():
        await connection.execute(FOR_BULK)
        for statement in (
            _PARTNERS,
            "CREATE UNIQUE INDEX ON asked (partner_id)",
            "ANALYZE asked",
            _ROUTE.format(through=through),
            "CREATE INDEX ON routed_fact (asked_id, notification_id)",
        ):
            await connection.execute(statement)


# In the processes that derive ----------------------------------------------------------------

_runner: Final = asyncio.Runner()
_connections: Final[dict[str, OwnConnection]] = {}


def _start_process() -> None:
    """What is loaded by now stays for good. A task makes a great many objects and drops them all at its end."""
    gc.freeze()
    gc.disable()


def _do_nothing() -> None:
    """A task for a process that is still starting."""


def _run_task(task: _Task) -> None:
    """Runs in a process of its own, which keeps its connection from task to task."""
    _runner.run(_derive(task))
    gc.collect()


async def _derive(task: _Task) -> None:
    connection = _connections.get(task.settings.database_schema)
    if connection is None:
        connection = _connections[task.settings.database_schema] = await connect(task.settings)
        await connection.execute(_WITHOUT_WAITING)
    rows = await connection.fetch(_FOR_EVERYBODY)
    rows += await connection.fetch(_ROUTED, task.partner_ids[0], task.partner_ids[-1])
    facts = routed_facts(task.partner_ids, rows)
    past = await prior_publications(connection, task.partner_ids, task.upgraded_from, task.published_in)
    derived = [
        derive(partner_id, known, None, task.until, task.settings.parameters, past.get(partner_id))
        for partner_id, known in facts.items()
    ]
    await _copy(connection, derived)


async def _copy(connection: OwnConnection, derived: list[PartnerRows]) -> None:
    await connection.copy_records_to_table(
        "derived_event",
        records=[
            (
                *row.key,
                row.ordinal,
                row.event.event_id,
                row.event.type,
                ",".join(row.event.products),
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
