"""Replays every partner from its first fact, on every core, into the tables of a rebuilt read model.

PostgreSQL routes and sorts all facts at once; each process holds the facts of a few partners at a time, so memory does
not grow with the log.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, NamedTuple

from services.compliance.database import OwnConnection, connect
from services.compliance.parent_process import end_with
from services.compliance.policy.step_position import StepPosition
from services.compliance.projection.parallel_statements import for_bulk
from services.compliance.projection.parallel_tasks import run_in_order
from services.compliance.projection.prior_publication import prior_publications
from services.compliance.projection.replay import derive
from services.compliance.read_model.projection_progress import ProjectionProgress, Takeover
from services.compliance.read_model.routing import ROUTES_OF_ALL_PARTNERS, routed_facts
from services.compliance.read_model.rows import PartnerRows
from services.compliance.settings import ComplianceSettings
from services.web.statements import statements

PARTNERS_PER_TASK: Final = 128

_SQL: Final = statements(__file__, partner_routes=ROUTES_OF_ALL_PARTNERS)

_WITHOUT_WAITING: Final = "SET synchronous_commit = off"
"""A crash of the server loses only tables that are not in use yet: the swap reaches the disk last."""


class _Task(NamedTuple):
    """Partners, in order, to derive up to a step, after what was published in another schema."""

    settings: ComplianceSettings
    partner_ids: list[str]
    until: StepPosition
    takeover: Takeover | None
    published_in: str


async def replay_all_partners(
    connection: OwnConnection,
    rebuilt: ComplianceSettings,
    goal: ProjectionProgress,
    published_in: str,
    processes: int,
    on_progress: Callable[[str], None],
) -> int:
    """Derives every partner up to the goal into the schema of `rebuilt`; returns how many there are.

    The events stay unnumbered in the table `derived_event`. After a takeover they are the later ones and the
    corrections of what the schema `published_in` holds.
    """
    on_progress("routing the facts")
    partners = 0
    with ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=_start_process, initargs=(os.getpid(),)
    ) as pool:
        for _ in range(processes):  # Each starts one more process: they load their code while the database routes.
            pool.submit(_do_nothing)
        await _route(connection, max(goal.position, goal.cursor.position))
        await connection.execute(_SQL["stage"])
        tasks = (
            _Task(rebuilt, partner_ids, goal.cursor, goal.takeover, published_in)
            async for partner_ids in _every_partner(connection)
        )
        async for derived in run_in_order(pool, processes, tasks, _run_task):
            partners += derived
            on_progress(f"{partners:,} partners")
    await connection.execute("DROP TABLE routed_fact, target")
    return partners


async def _every_partner(connection: OwnConnection) -> AsyncIterator[list[str]]:
    after = ""
    while rows := await connection.fetch(_SQL["next_partners"], after, PARTNERS_PER_TASK):
        yield [row["partner_id"] for row in rows]
        after = rows[-1]["partner_id"]


async def _route(connection: OwnConnection, through: int) -> None:
    """Stores the facts up to the position, routed to every partner and in order, for the processes to read."""
    async with connection.transaction():
        await connection.execute(for_bulk())
        for statement in (
            _SQL["partners"],
            "CREATE UNIQUE INDEX ON target (partner_id)",
            "ANALYZE target",
            _SQL["route"].format(through=through),
            "CREATE INDEX ON routed_fact (target_id, notification_id)",
        ):
            await connection.execute(statement)


# In the processes that derive ----------------------------------------------------------------

_runner: Final = asyncio.Runner()
_connections: Final[dict[str, OwnConnection]] = {}


def _start_process(owner: int) -> None:
    """Turns garbage collection off: a task makes very many objects and drops them all at its end."""
    end_with(owner)
    gc.freeze()
    gc.disable()


def _do_nothing() -> None:
    """A task for a process that is still starting."""


def _run_task(task: _Task) -> int:
    """Runs in a separate process, which keeps its connection from task to task. Returns how many partners it did."""
    _runner.run(_derive(task))
    gc.collect()
    return len(task.partner_ids)


async def _derive(task: _Task) -> None:
    connection = _connections.get(task.settings.database_schema)
    if connection is None:
        connection = _connections[task.settings.database_schema] = await connect(task.settings)
        await connection.execute(_WITHOUT_WAITING)
    rows = await connection.fetch(_SQL["broadcast"])
    rows += await connection.fetch(_SQL["routed"], task.partner_ids[0], task.partner_ids[-1])
    facts = routed_facts(task.partner_ids, rows)
    past = await prior_publications(connection, task.partner_ids, task.takeover, task.published_in)
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
                row.event.about,
                row.event.data,
            )
            for partner in derived
            for row in partner.events
        ],
    )
    await connection.copy_records_to_table("standing", records=[row for rows in derived for row in rows.standings])
    await connection.copy_records_to_table(
        "replacement_window", records=[row for partner in derived for row in partner.windows]
    )
    people = [person for partner in derived for person in partner.people]
    await connection.copy_records_to_table(
        "consultant_link", records=[person.link for person in people if person.link is not None]
    )
    await connection.copy_records_to_table(
        "consultant_certification", records=[row for person in people for row in person.certifications]
    )
    await connection.copy_records_to_table(
        "maintenance_duty", records=[row for person in people for row in person.duties]
    )
    await connection.copy_records_to_table(
        "timer", records=[(partner.partner_id, partner.due_at) for partner in derived if partner.due_at is not None]
    )
