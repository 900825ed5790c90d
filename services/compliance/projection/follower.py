"""The follower: keeps the projection up with the fact log and the clock, through lost connections."""

import asyncio
import logging
import os
import socket
from datetime import timedelta
from functools import partial
from typing import Final, Literal

from services.compliance.database import OwnConnection, cause, connect
from services.compliance.process_heartbeat import BEAT_SECONDS, FOLLOWERS, Heartbeat
from services.compliance.projection.batch import DerivedByAnotherEngine, Projector
from services.compliance.projection.wide_step_workers import ReplayWorkers
from services.compliance.read_model.batch_write import ConcurrentUpdate
from services.compliance.settings import ComplianceSettings
from services.web.database_connections import CONNECTION_LOST, terminating
from services.web.log_check import LogAltered, LogCheck
from services.web.reconnect import BACKOFF_SECONDS_MAX, Backoff, keep_connected
from services.web.refusal import EngineNotInstalled
from services.web.wakeup import wait_until_set
from shared.events.channels import FACTS_CHANNEL

POLL_SECONDS: Final = 0.25
"""How long a fact can stay unseen when its notification was lost."""
YIELD_SECONDS: Final = 1.0
"""How long a follower pauses after another one advanced the projection."""
ALTERED_PAUSE_SECONDS: Final = 30.0
"""How long a follower pauses before it looks again at a log that was altered."""
_BARRIER_AGE: Final = timedelta(seconds=1)
"""An idle projection draws a barrier when `known_through` is this old."""

_PENDING: Final = """
    SELECT EXISTS (SELECT FROM certification.stored_events e WHERE e.notification_id > p.position) AS facts,
        c.now > p.known_through AS behind,
        c.now >= p.known_through + $1::interval OR EXISTS (SELECT FROM timer t WHERE t.due_at <= c.now) AS urgent
    FROM progress p, LATERAL (SELECT certification.now() AS now OFFSET 0) c
"""

BARRIER: Final = """
    SELECT c.now FROM (SELECT certification.now() AS now OFFSET 0) c,
        LATERAL (SELECT * FROM certification.barrier() WHERE c.now IS NOT NULL) b
"""
"""The clock, read before a barrier is drawn: every fact recorded by then is visible to any later statement."""

_log: Final = logging.getLogger(__name__)


class Follower:
    """Follows the fact log until cancelled. Any number may run: one that gets `ConcurrentUpdate` pauses.

    `check`: asked before anything is derived whether the logs are still what was sealed.

    After a lost connection, a restarted server or a recreated schema it reconnects and goes on from the cursor, which
    commits together with what was derived.
    """

    def __init__(self, settings: ComplianceSettings, check: LogCheck | None = None) -> None:
        self._settings = settings
        self._check = check
        self._parameters = settings.parameters
        self._derivers = ReplayWorkers(settings)
        self._wakeup = asyncio.Event()
        self._announced = 0
        self._clock_moved = False
        self._held_by = f"{socket.gethostname()}:{os.getpid()}"
        self._barrier_drawn_at = float("-inf")
        self._heartbeat = Heartbeat(FOLLOWERS, self._held_by)

    async def run(self) -> None:
        """Follows until cancelled."""
        await keep_connected(self._follow, self._failed)

    async def _follow(self, backoff: Backoff) -> None:
        try:
            async with terminating(connect(self._settings), {FACTS_CHANNEL: self._notified}) as connection:
                await self._heartbeat.beat(connection, now=True)
                alive = partial(self._heartbeat.beat, connection)
                projector = Projector(connection, self._parameters, self._held_by, derivers=self._derivers, alive=alive)
                while True:
                    try:
                        await self._catch_up(connection, projector)
                    except ConcurrentUpdate:
                        await asyncio.sleep(YIELD_SECONDS)
                    backoff.reset()
                    await self._heartbeat.progressed(connection)
                    await self._wait(connection, projector)
        finally:
            self._derivers.close()

    def _failed(self, problem: Exception, backoff: Backoff) -> None:
        if isinstance(problem, DerivedByAnotherEngine | EngineNotInstalled):
            self._heartbeat.trouble = str(problem)
            _log.error("%s", problem)
            backoff.seconds = BACKOFF_SECONDS_MAX
        elif isinstance(problem, CONNECTION_LOST):
            self._heartbeat.trouble = cause(problem)
            _log.warning("the projection lost its connection and reconnects: %s", cause(problem))
        else:
            self._heartbeat.trouble = repr(problem)
            _log.error("the projection stops at its cursor and retries", exc_info=problem)

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        """Notes up to where facts were recorded, or that there is something else to look at."""
        if isinstance(payload, str) and payload.isdecimal():
            self._announced = max(self._announced, int(payload))
        else:
            self._clock_moved = True
        self._wakeup.set()

    async def _wait(self, connection: OwnConnection, projector: Projector) -> None:
        """Waits until a notification says something new, or a poll finds something to do.

        A batch takes in facts before their notifications arrive: those say nothing new afterwards.
        """
        while not self._clock_moved and self._announced <= projector.position:
            self._wakeup.clear()
            await self._heartbeat.beat(connection)
            notified = await wait_until_set(self._wakeup, POLL_SECONDS)
            if not notified and await self._pending(connection, "facts", "barrier"):
                return

    async def _catch_up(self, connection: OwnConnection, projector: Projector) -> None:
        """Derives the new facts; without any, the steps of time alone, behind a barrier.

        New facts advance the time by themselves.
        """
        clock_moved, self._clock_moved, self._announced = self._clock_moved, False, 0
        await self._compare(connection)
        found = await projector.advance_fully(None)
        if not found and (clock_moved or await self._pending(connection, "barrier")):
            known_through = await connection.fetchval(BARRIER)
            self._barrier_drawn_at = asyncio.get_running_loop().time()
            await projector.advance_fully(known_through)

    async def _compare(self, connection: OwnConnection) -> None:
        """Returns once the logs are what was sealed; says meanwhile that it lives, and why it derives nothing."""
        while self._check is not None:
            comparing = asyncio.ensure_future(self._check.compare())
            try:
                while not (await asyncio.wait([comparing], timeout=BEAT_SECONDS))[0]:
                    await self._heartbeat.beat(connection)
                await comparing
                return
            except LogAltered as altered:
                self._heartbeat.trouble = str(altered)
                _log.error("%s", altered)
            finally:
                comparing.cancel()
            until = asyncio.get_running_loop().time() + ALTERED_PAUSE_SECONDS
            while asyncio.get_running_loop().time() < until:
                await self._heartbeat.beat(connection)
                await asyncio.sleep(BEAT_SECONDS)

    async def _pending(self, connection: OwnConnection, *kinds: Literal["facts", "barrier"]) -> bool:
        """Whether there are new facts, or a barrier would fire a timer or advance `known_through`."""
        row = await connection.fetchrow(_PENDING, _BARRIER_AGE)
        if row is None:
            return False
        old = asyncio.get_running_loop().time() - self._barrier_drawn_at >= _BARRIER_AGE.total_seconds()
        pending = {"facts": row["facts"], "barrier": row["urgent"] or (row["behind"] and old)}
        return any(pending[kind] for kind in kinds)
