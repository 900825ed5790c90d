"""The dispatcher: polls for endpoints with work, leases them, and delivers to each in a separate task."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from functools import partial
from typing import Final
from uuid import uuid4

from services.compliance.database import Connection, cause, connect, create_pool
from services.compliance.process_heartbeat import DISPATCHERS, Heartbeat
from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.delivery.endpoint_delivery import Delivery, DeliveryContext
from services.compliance.webhooks.delivery.event_reader import SharedReading
from services.compliance.webhooks.delivery.leases import (
    LEASE_SECONDS,
    LEASES_TAKEN_MAX,
    Lease,
    load_leases,
    release_leases,
    take_leases,
)
from services.compliance.webhooks.delivery.outcome_writer import Recorder
from services.compliance.webhooks.message_clock import message_clock
from services.compliance.webhooks.signing import SecretSealer
from services.compliance.webhooks.transport.http_post import DEADLINE_SECONDS, Sender
from services.web.database_connections import CONNECTION_LOST, terminating
from services.web.reconnect import Backoff, keep_connected
from services.web.wakeup import wait_until_set
from shared.events.channels import COMPLIANCE_CHANNEL, WEBHOOKS_CHANNEL

POLL_SECONDS: Final = 1.0
"""The longest wait after a lost notification; retries and heartbeats start at such a poll."""
GRACE_SECONDS: Final = 5.0
"""For requests under way at a stop. The next dispatcher sends again what takes longer."""

_BATCH_DELAY_SECONDS: Final = 0.005
"""Between two polls: endpoints that get work meanwhile are leased, and their outcomes written, together."""

_log: Final = logging.getLogger(__name__)


class Dispatcher:
    """Delivers until cancelled. Any number may run: one at a time delivers to an endpoint.

    It never gives up: after a lost connection, a restarted server or a recreated schema it resumes from the cursors.
    """

    def __init__(
        self,
        settings: ComplianceSettings,
        clock: Callable[[], datetime],
        *,
        lease_seconds: float = LEASE_SECONDS,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """`clock`: the wall clock. Raises ValueError without a key."""
        self._settings = settings
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._deadline_seconds = deadline_seconds
        self._sealer = SecretSealer(settings.webhook_keys)
        self._held_by = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._deliveries: dict[str, tuple[Delivery, asyncio.Task[None]]] = {}
        self._has_stale_leases = False
        self._wakeup = asyncio.Event()
        self._heartbeat = Heartbeat(DISPATCHERS, self._held_by)

    async def run(self) -> None:
        """Delivers until cancelled; then waits GRACE_SECONDS for requests under way and releases the leases."""
        async with AsyncExitStack() as open_things:
            pool = await open_things.enter_async_context(create_pool(self._settings))
            sender = await open_things.enter_async_context(self._sender())
            recorder = Recorder(self._settings)
            recording = asyncio.create_task(recorder.run())
            open_things.push_async_callback(_end, [recording])
            clock = message_clock(pool, self._settings, self._clock)
            context = DeliveryContext(pool, recorder, sender, clock, self._lease_seconds, self._deadline_seconds)
            try:
                await keep_connected(partial(self._poll_forever, context), self._failed)
            finally:
                await self._stop()

    def _sender(self) -> Sender:
        return Sender(
            networks=self._settings.receiver_networks,
            plain_http=self._settings.sandbox,
            clock=self._clock,
            deadline_seconds=self._deadline_seconds,
        )

    async def _poll_forever(self, context: DeliveryContext, backoff: Backoff) -> None:
        hear = dict.fromkeys((COMPLIANCE_CHANNEL, WEBHOOKS_CHANNEL), self._hear)
        async with terminating(connect(self._settings), hear) as connection:
            self._has_stale_leases = True  # a lost connection may have leased some just before
            await self._heartbeat.beat(connection, now=True)
            while True:
                self._wakeup.clear()
                await self._poll(connection, context)
                await self._heartbeat.progressed(connection)
                backoff.reset()
                await asyncio.sleep(_BATCH_DELAY_SECONDS)
                await wait_until_set(self._wakeup, POLL_SECONDS)

    def _failed(self, problem: Exception, _: Backoff) -> None:
        if isinstance(problem, CONNECTION_LOST):
            self._heartbeat.trouble = cause(problem)
            _log.warning("the dispatcher lost its connection and reconnects: %s", cause(problem))
        else:
            self._heartbeat.trouble = repr(problem)
            _log.error("the dispatcher cannot poll for due messages and retries", exc_info=problem)

    def _hear(self, _connection: object, _pid: int, channel: str, payload: object) -> None:
        if channel == WEBHOOKS_CHANNEL and (changed := self._deliveries.get(str(payload))) is not None:
            changed[0].stopping = True
        self._wakeup.set()

    async def _poll(self, connection: Connection, context: DeliveryContext) -> None:
        """Releases stale leases, leases what is due, and starts its deliveries."""
        if self._has_stale_leases:
            self._has_stale_leases = False  # first: a delivery that ends meanwhile is for the next poll
            await release_leases(connection, self._held_by, self._deliveries)
        taken_last = LEASES_TAKEN_MAX
        while taken_last == LEASES_TAKEN_MAX:
            asked_at = asyncio.get_running_loop().time()
            taken = await take_leases(connection, self._held_by, self._lease_seconds)
            leases = await load_leases(connection, self._sealer, taken, asked_at) if taken else ()
            reading = SharedReading(context.pool)
            for lease in leases:
                self._begin(lease, context, reading)
            self._has_stale_leases |= len(leases) < len(taken)
            taken_last = len(taken)

    def _begin(self, lease: Lease, context: DeliveryContext, reading: SharedReading) -> None:
        earlier = self._deliveries.pop(lease.endpoint_id, None)
        if earlier is not None:  # it outlived its lease
            earlier[1].cancel()
        delivery = Delivery(lease, context, reading)
        task = asyncio.create_task(delivery.run())
        self._deliveries[lease.endpoint_id] = (delivery, task)
        task.add_done_callback(lambda _: self._ended(lease.endpoint_id, delivery, task))

    def _ended(self, endpoint_id: str, delivery: Delivery, task: "asyncio.Task[None]") -> None:
        problem = None if task.cancelled() else task.exception()
        if isinstance(problem, CONNECTION_LOST):
            _log.warning("deliveries to webhook endpoint %s resume on a new connection: %r", endpoint_id, problem)
        elif problem is not None:
            _log.error("deliveries to webhook endpoint %s have stopped", endpoint_id, exc_info=problem)
        current = self._deliveries.get(endpoint_id)
        if current is None or current[0] is not delivery:
            return
        del self._deliveries[endpoint_id]
        if not delivery.gave_back:
            self._has_stale_leases = True
        if problem is None:  # after a problem it waits for the next poll
            self._wakeup.set()

    async def _stop(self) -> None:
        tasks = [task for _, task in self._deliveries.values()]
        for delivery, _ in self._deliveries.values():
            delivery.stopping = True
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        await _end(tasks)
        with suppress(*CONNECTION_LOST):
            async with terminating(connect(self._settings)) as connection:
                await release_leases(connection, self._held_by, ())


async def _end(tasks: "Sequence[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
