"""Rebuilds the read model from the first fact in a separate schema, then swaps it in or compares it.

The result equals the follower's to the byte. If it differs because the policy changed, published events keep their
content and positions, and further events correct them: subscribers get nothing else.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import psycopg
from pydantic import SecretStr
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import DropSchema

from services.compliance.database import OwnConnection, connect
from services.compliance.policy.parameters import Parameters
from services.compliance.policy.step_position import LAST_PARTNER, StepPosition
from services.compliance.projection.batch import Projector
from services.compliance.projection.comparison import differences, same_events
from services.compliance.projection.follower import BARRIER
from services.compliance.projection.mentioned_names import mention_people
from services.compliance.projection.numbering import number_events
from services.compliance.projection.parallel_replay import replay_all_partners
from services.compliance.read_model.known_policy import revision_rows
from services.compliance.read_model.migrations import upgrade
from services.compliance.read_model.projection_progress import (
    ProjectionProgress,
    Takeover,
    read_progress,
    store_progress,
)
from services.compliance.read_model.routing import revisions
from services.compliance.settings import ComplianceSettings
from services.web.log_check import LogCheck
from services.web.refusal import engine_not_installed

REBUILT_SCHEMA: Final = "compliance_rebuilt"
RETIRED_SCHEMA: Final = "compliance_retired"
CONNECTIONS: Final = 2
"""Number and compare events at once; the processes that derive have their own."""

_ALONE: Final = """
    SET LOCAL lock_timeout = '3s'; -- the lock of a rebuild that has just ended goes when its session has
    SELECT pg_advisory_lock(hashtext('sagecert compliance rebuild'))
"""

_TAKEOVER: Final = """
    INSERT INTO policy_upgrade
    SELECT coalesce(max(number), 0) + 1, $1, $2, $3, $4, $5, clock_timestamp(), $6 FROM policy_upgrade
"""


class AlreadyRebuilding(RuntimeError):
    """Another rebuild is writing into the same schema."""


class Unexplained(RuntimeError):
    """What was published does not follow from the facts, and no engine was installed since that would explain it."""


class Rebuilt(NamedTuple):
    """What a rebuild derived, and, where it was compared, in what it differs (nothing: the same to the byte).

    `corrections`: how many of the events correct what another engine had published.
    """

    partners: int
    events: int
    position: int
    known_through: datetime
    differences: tuple[str, ...] = ()
    corrections: int = 0


def run(
    settings: ComplianceSettings,
    owner_url: str,
    *,
    verify: bool,
    on_progress: Callable[[str], None] = lambda _: None,
    processes: int | None = None,
    check: LogCheck | None = None,
) -> Rebuilt:
    """Rebuilds the read model of `settings` as the owner of its schema, while the service goes on.

    `verify`: compares the rebuilt read model with the live one and drops it. Otherwise it replaces the live one in one
    transaction after it has caught up. If it would have published other events, the projection pauses while further
    events correct the published ones. `check`: asked before anything is derived, and before the swap. Raises
    `AlreadyRebuilding`, `EngineNotInstalled`, `LogAltered`, `Unexplained` and what PostgreSQL raises; the live read
    model then stays.
    """
    with psycopg.connect(owner_url, autocommit=True) as connection:
        try:
            with connection.transaction():
                connection.execute(_ALONE)
        except psycopg.errors.LockNotAvailable:
            raise AlreadyRebuilding("Another rebuild is under way on this database: let it finish.") from None
        installed = connection.execute("SELECT engine_id FROM certification.engine()").fetchone()
        if installed is not None and installed[0] not in (None, settings.parameters.version):
            raise engine_not_installed(installed[0], settings.parameters.version)
        return _run(settings, owner_url, verify, on_progress, processes or os.cpu_count() or 1, check)


def _run(
    settings: ComplianceSettings,
    owner_url: str,
    verify: bool,
    on_progress: Callable[[str], None],
    processes: int,
    check: LogCheck | None,
) -> Rebuilt:
    if check is not None:
        on_progress("comparing the facts with what was sealed")
        asyncio.run(check.compare_facts())
    live = settings.model_copy(update={"database_url": SecretStr(owner_url), "database_role": None})
    rebuilt = live.model_copy(update={"database_schema": REBUILT_SCHEMA})
    for way in (_Replay.compare,) if verify else (_Replay.swap_if_same, _Replay.correct):
        _make_schema(owner_url, REBUILT_SCHEMA)
        try:
            found = asyncio.run(_rebuild(way, live, rebuilt, on_progress, processes, check))
        finally:
            _drop_schemas(owner_url, REBUILT_SCHEMA, RETIRED_SCHEMA)
        if found is not None:
            return found
    raise AssertionError("what corrects always ends with a read model")


async def _rebuild(
    way: "Callable[[_Replay], Awaitable[Rebuilt | None]]",
    live: ComplianceSettings,
    rebuilt: ComplianceSettings,
    on_progress: Callable[[str], None],
    processes: int,
    check: LogCheck | None,
) -> Rebuilt | None:
    connections: list[OwnConnection] = []
    try:
        for settings in (live, *[rebuilt] * CONNECTIONS):
            connection = await connect(settings, patient=True)
            connections.append(connection)
        in_use, *targets = connections
        await in_use.execute("SET idle_in_transaction_session_timeout = 0")
        return await way(_Replay(live, rebuilt, in_use, targets, processes, on_progress, check))
    finally:
        for connection in connections:
            connection.terminate()


class _Replay(NamedTuple):
    """The live read model and the rebuilt one beside it. `live`, `rebuilt`: the settings of each.

    `targets`: connections to the rebuilt one, which share what PostgreSQL does by itself.
    """

    live: ComplianceSettings
    rebuilt: ComplianceSettings
    in_use: OwnConnection
    targets: Sequence[OwnConnection]
    processes: int
    on_progress: Callable[[str], None]
    check: LogCheck | None

    @property
    def target(self) -> OwnConnection:
        """The connection for what one does alone."""
        return self.targets[0]

    async def compare(self) -> Rebuilt:
        """Derives as far as the live read model is, and lists the differences."""
        async with self.in_use.transaction(isolation="repeatable_read", readonly=True):
            found = await self._derive(await read_progress(self.in_use))
            self.on_progress("comparing")
            return found._replace(differences=tuple(await differences(self.in_use, self.target)))

    async def swap_if_same(self) -> Rebuilt | None:
        """Swaps it in while the follower goes on; None if it would have published other events."""
        published = await read_progress(self.in_use)
        if published.engine_id not in ("", self.live.parameters.version):
            return None
        goal = await _goal(self.target, self.live.parameters)
        found = await self._derive(goal._replace(takeover=published.takeover))
        await self._catch_up(None)
        if await same_events(self.targets, self.live.database_schema, 0, published.event_position):
            async with self.in_use.transaction():
                await self.in_use.execute("LOCK TABLE progress IN ACCESS EXCLUSIVE MODE")
                last = await read_progress(self.in_use)
                known_through = last.cursor.instant if last.cursor.timer else None
                await self._catch_up(known_through)
                if await same_events(
                    self.targets, self.live.database_schema, published.event_position, last.event_position
                ):
                    await self._swap()
                    return found
        return None

    async def _catch_up(self, known_through: datetime | None) -> None:
        await Projector(self.target, self.live.parameters, "rebuild").advance_fully(known_through)

    async def correct(self) -> Rebuilt:
        """Swaps it in with the published events and their corrections; the follower waits meanwhile."""
        async with self.in_use.transaction():
            self.on_progress("what was published would be published otherwise now: correcting it")
            # The table, not the row: a follower waiting for the row would block the swap.
            await self.in_use.execute("LOCK TABLE progress IN SHARE ROW EXCLUSIVE MODE")
            published = await read_progress(self.in_use)
            cause = await self._cause(published)
            await self.in_use.execute("SET LOCAL synchronous_commit = on")
            takeover = Takeover(published.event_position, published.cursor, cause)
            found = await self._derive(published._replace(takeover=takeover))
            await self.target.execute(_TAKEOVER, self.live.parameters.version, found.events, *published.cursor, cause)
            await self.in_use.execute("LOCK TABLE progress IN ACCESS EXCLUSIVE MODE")
            await self._swap()
        return found._replace(corrections=found.events - published.event_position)

    async def _cause(self, published: ProjectionProgress) -> str:
        """The fact that installed the engine which corrects. Raises `Unexplained`."""
        fact_id: str | None = await self.in_use.fetchval("SELECT fact_id FROM certification.engine()")
        if fact_id is None:
            raise Unexplained("No engine is installed that could be the cause of corrections: run `sagecert migrate`.")
        if published.engine_id in ("", self.live.parameters.version):
            raise Unexplained(
                f"The engine {self.live.parameters.version} published otherwise than it derives now, and no other was "
                "installed since: facts or compliance events were altered. Nothing was corrected."
            )
        return fact_id

    async def _derive(self, goal: ProjectionProgress) -> Rebuilt:
        partners, _ = await asyncio.gather(
            replay_all_partners(
                self.target, self.rebuilt, goal, self.live.database_schema, self.processes, self.on_progress
            ),
            mention_people(self.targets[1], goal.position),
        )
        self.on_progress("numbering the events")
        kept = 0 if goal.takeover is None else goal.takeover.event_position
        events = await number_events(self.targets, self.live.database_schema, kept)
        await self._store(goal._replace(event_position=events, engine_id=self.live.parameters.version))
        return Rebuilt(partners, events, goal.position, goal.known_through)

    async def _store(self, progress: ProjectionProgress) -> None:
        """Stores how far the rebuilt read model goes."""
        async with self.target.transaction():
            await store_progress(self.target, progress, "rebuild")
            taken_in = await revisions(self.target, max(progress.position, progress.cursor.position))
            await self.target.copy_records_to_table("policy_revision", records=revision_rows(taken_in))

    async def _swap(self) -> None:
        """A follower that waits for the lock on `progress` continues in the new schema.

        Raises `LogAltered` if the rebuilt events do not extend what was sealed of the published ones.
        """
        if self.check is not None:
            self.on_progress("comparing the events with what was sealed")
            await self.check.compare_events(REBUILT_SCHEMA)
        self.on_progress("taking it into use")
        await self.in_use.execute(f'ALTER SCHEMA "{self.live.database_schema}" RENAME TO "{RETIRED_SCHEMA}"')
        await self.in_use.execute(f'ALTER SCHEMA "{REBUILT_SCHEMA}" RENAME TO "{self.live.database_schema}"')


async def _goal(connection: OwnConnection, parameters: Parameters) -> ProjectionProgress:
    """How far a projection is after all present facts, behind a barrier."""
    known_through = await connection.fetchval(BARRIER)
    position = await connection.fetchval(
        "SELECT coalesce(max(notification_id), 0) FROM certification.stored_events WHERE recorded_at <= $1",
        known_through,
    )
    recorded_at = await connection.fetchval(
        "SELECT recorded_at FROM certification.stored_events WHERE notification_id = $1", position
    )
    cursor = StepPosition(known_through, 0, LAST_PARTNER)
    if recorded_at == known_through:
        cursor = StepPosition(recorded_at, position, LAST_PARTNER)
    return ProjectionProgress(position, known_through, cursor, 0, parameters.version)


# Schemas -------------------------------------------------------------------------------------


def _make_schema(owner_url: str, schema: str) -> None:
    """Creates the schema, empty; drops an old one."""
    _drop_schemas(owner_url, schema)
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(owner_url), poolclass=NullPool)
    with engine.begin() as connection:
        upgrade(connection, schema)


def _drop_schemas(owner_url: str, *schemas: str) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(owner_url), poolclass=NullPool)
    with engine.begin() as connection:
        for schema in schemas:
            connection.execute(DropSchema(schema, cascade=True, if_exists=True))
