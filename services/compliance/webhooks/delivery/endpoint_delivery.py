"""Delivers to one leased endpoint: one request at a time, each sent once everything before it is recorded."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from random import random
from typing import Final, NamedTuple
from uuid import uuid4

from msgspec.structs import replace

from services.compliance.cloud_event import BATCH_MEDIA_TYPE, MEDIA_TYPE
from services.compliance.database import Pool
from services.compliance.read_model.event_log import LoggedEvent
from services.compliance.webhooks.delivery import parking, retry_policy
from services.compliance.webhooks.delivery.event_reader import SharedReading
from services.compliance.webhooks.delivery.leases import Lease, rejected_elsewhere
from services.compliance.webhooks.delivery.outcome_writer import OutcomeWrite, Parking, Recorder
from services.compliance.webhooks.delivery.parking import Released
from services.compliance.webhooks.delivery.retry_policy import HEALTHY, Health, RetryDecision
from services.compliance.webhooks.endpoints.attempt_log import AttemptKind
from services.compliance.webhooks.filter_and_cursor import Cursor
from services.compliance.webhooks.message import (
    MESSAGE_BYTES_MAX,
    Message,
    batch_body,
    batch_id,
    heartbeat_body,
    next_message,
)
from services.compliance.webhooks.message_clock import MessageClock
from services.compliance.webhooks.outcome import Outcome
from services.compliance.webhooks.transport.http_post import Sender

PAGE_EVENTS: Final = 100
SECRET_LOST: Final = "no key opens the secret of this endpoint: rotate it, or have the key put back"
_SECRET_LOST_WAIT_SECONDS: Final = 60.0

_log: Final = logging.getLogger(__name__)


class DeliveryContext(NamedTuple):
    """Shared by all deliveries. `clock`: for the timestamps of messages."""

    pool: Pool
    recorder: Recorder
    sender: Sender
    clock: MessageClock
    lease_seconds: float
    deadline_seconds: float


class _Request(NamedTuple):
    """One request. `messages`: none in a heartbeat."""

    kind: AttemptKind
    message_id: str
    body: bytes
    media_type: str
    messages: Sequence[Message] = ()
    released: Released | None = None


class Delivery:
    """Delivers to one leased endpoint until nothing is left, a request fails, or its owner changes the endpoint.

    `stopping`: set from outside; the delivery then ends after the current request. `gave_back`: the last write
    released the lease.
    """

    def __init__(self, lease: Lease, context: DeliveryContext, reading: SharedReading) -> None:
        self.stopping = False
        self.gave_back = False
        self._lease = lease
        self._context = context
        self._reading = reading
        self._cursor = lease.cursor
        self._health = lease.health
        self._parked_partners = set(lease.parked_partners)
        self._parked_earlier = ""
        self._leased_until = lease.taken_at + context.lease_seconds
        self._silent = True

    async def run(self) -> None:
        """Delivers. Raises the errors of a lost connection; any dispatcher may then lease the endpoint again."""
        if self._lease.signer is None:
            _log.warning("webhook endpoint %s waits: %s", self._lease.endpoint_id, SECRET_LOST)
            lost = RetryDecision(self._health, _SECRET_LOST_WAIT_SECONDS)
            await self._record(self._cursor, lost, error=SECRET_LOST, last=True)
            return
        if self._parked_partners and not self._cursor.delivered_sequence:
            self._parked_earlier = await parking.list_parked_earlier(
                self._context.pool, self._lease.endpoint_id, self._cursor.epoch, self._cursor.position
            )
        while await self._send_released() and await self._send_page():
            pass

    async def _send_released(self) -> bool:
        """Sends released messages first, under their old numbers. Returns whether to go on.

        Not after one was sent: the next lease loads again which partners are parked.
        """
        going = True
        pool, endpoint_id = self._context.pool, self._lease.endpoint_id
        while self._parked_partners and (
            found := await parking.list_released(pool, endpoint_id, self._cursor.position, 1)
        ):
            again = await parking.rebuild_parked_message(pool, found[0], self._cursor, self._parked_earlier)
            going = False
            if not await self._send(
                self._request([again], found[0]), parking.cursor_after_release(self._cursor, found[0])
            ):
                break
        return going

    async def _send_page(self) -> bool:
        """Sends the next page of the log. Returns whether to go on."""
        page = await self._reading.read(self._cursor.position, self._lease.filtered, PAGE_EVENTS)
        ends = page.through >= page.head
        rows = list(page.rows)
        if not rows:
            through = replace(self._cursor, position=page.through)
            if ends and self._lease.heartbeat_due and self._silent:
                return await self._send(await self._heartbeat(through), through, last=True)
            return await self._record(through, RetryDecision(self._health, 0.0), last=ends)
        while rows:
            later_ones = list(takewhile(lambda row: row.partner_id in self._parked_partners, rows))
            messages = [] if later_ones else self._next_messages(rows)
            del rows[: len(later_ones) or len(messages)]
            to = (later_ones[-1].position if later_ones else messages[-1].position) if rows else page.through
            last = ends and not rows
            going = (
                await self._park_later_ones(later_ones, to, last=last)
                if later_ones
                else await self._send(self._request(messages), self._after(messages, to), last=last)
            )
            if not going:
                return False
        return True

    def _next_messages(self, rows: Sequence[LoggedEvent]) -> Sequence[Message]:
        """One message, or a batch; after a failure the first alone, to see whether the receiver rejects that one."""
        messages: list[Message] = []
        cursor, size = self._cursor, 2
        for row in rows[: 1 if self._health.failures else self._lease.batch_max]:
            if row.partner_id in self._parked_partners:
                break
            following = next_message(row, cursor, self._parked_earlier)
            size += len(following.body) + 1
            if messages and size > MESSAGE_BYTES_MAX:
                break
            messages.append(following)
            cursor = self._after(messages, row.position)
        return messages

    def _after(self, messages: Sequence[Message], position: int) -> Cursor:
        number = messages[-1].sequence
        return Cursor(position, self._cursor.epoch, number, number, self._cursor.replay_through)

    def _request(self, messages: Sequence[Message], released: Released | None = None) -> _Request:
        if self._lease.batch_max == 1:
            return _Request("event", messages[0].message_id, messages[0].body, MEDIA_TYPE, messages, released)
        return _Request("event", batch_id(messages), batch_body(messages), BATCH_MEDIA_TYPE, messages, released)

    async def _heartbeat(self, cursor: Cursor) -> _Request:
        message_id = f"heartbeat_{uuid4().hex}"
        body = heartbeat_body(message_id, self._lease.endpoint_id, cursor, await self._context.clock())
        if self._lease.batch_max == 1:
            return _Request("heartbeat", message_id, body, MEDIA_TYPE)
        return _Request("heartbeat", message_id, b"[" + body + b"]", BATCH_MEDIA_TYPE)

    async def _send(self, request: _Request, cursor: Cursor, *, last: bool = False) -> bool:
        """Sends the request and records the outcome: `cursor` after a success. Returns whether to go on."""
        lease, context = self._lease, self._context
        if self.stopping or not self._may_send() or lease.signer is None:
            return False
        self._silent = False
        headers = lease.signer.headers(request.message_id, await context.clock(), request.body)
        outcome = await context.sender.post(lease.url, headers, request.body, request.media_type)
        if outcome.delivered:
            return await self._record(cursor, RetryDecision(HEALTHY, 0.0), request, outcome, last=last)
        if request.released is not None and retry_policy.rejects(outcome):
            unchanged = RetryDecision(self._health, 0.0)
            return await self._record(
                self._cursor, unchanged, request, outcome, parked_again=request.released.partner_id
            )
        return await self._failed(request, outcome)

    def _may_send(self) -> bool:
        """Whether a reply would come within the lease: after its end another dispatcher may send the same message."""
        left = self._leased_until - asyncio.get_running_loop().time()
        expires_at = self._lease.secret_expires_at
        return left > self._context.deadline_seconds and (expires_at is None or self._now() < expires_at)

    def _now(self) -> datetime:
        """By the database's clock."""
        return self._lease.now + timedelta(seconds=asyncio.get_running_loop().time() - self._lease.taken_at)

    async def _failed(self, request: _Request, outcome: Outcome) -> bool:
        parkable = request.released is None and len(request.messages) == 1
        decision = retry_policy.after_failure(outcome, self._health, self._now(), random(), parkable=parkable)
        if decision.park and not await rejected_elsewhere(
            self._context.pool, self._lease.endpoint_id, request.message_id
        ):
            return await self._park(request.messages[0], decision.health, request, outcome)
        await self._record(self._cursor, decision, request, outcome, last=True)
        if self.gave_back:
            self._warn(decision, outcome)
        return False

    async def _park(self, rejected: Message, health: Health, request: _Request, outcome: Outcome) -> bool:
        aside = self._parking(rejected.sequence, rejected.position, rejected.partner_id)
        cursor = replace(self._cursor, position=rejected.position, sequence=rejected.sequence)
        self._parked_partners.add(rejected.partner_id)
        decision = RetryDecision(retry_policy.after_parking(health), 0.0)
        going = await self._record(cursor, decision, request, outcome, parkings=[aside])
        if going:
            _log.warning(
                "webhook endpoint %s rejects the event at position %d: it is parked, with the later ones of partner %s",
                self._lease.endpoint_id,
                rejected.position,
                rejected.partner_id,
            )
        return going

    async def _park_later_ones(self, rows: Sequence[LoggedEvent], position: int, *, last: bool) -> bool:
        """Parks messages that follow a parked one of their partner. Returns whether to go on."""
        numbered = enumerate(rows, self._cursor.sequence + 1)
        parkings = [self._parking(number, row.position, row.partner_id) for number, row in numbered]
        cursor = replace(self._cursor, position=position, sequence=parkings[-1].sequence)
        decision = RetryDecision(self._health, 0.0)
        return await self._record(cursor, decision, parkings=parkings, last=last)

    def _parking(self, sequence: int, position: int, partner_id: str) -> Parking:
        lease = self._lease
        return Parking(lease.endpoint_id, lease.fence, self._cursor.epoch, sequence, position, partner_id)

    async def _record(
        self,
        cursor: Cursor,
        decision: RetryDecision,
        request: _Request | None = None,
        outcome: Outcome | None = None,
        *,
        parkings: Sequence[Parking] = (),
        parked_again: str | None = None,
        error: str | None = None,
        last: bool = False,
    ) -> bool:
        """Writes the endpoint's new state and waits until it is durable. `last`: the lease is given back with it.

        Returns whether to go on: the write holds, nobody has changed the endpoint meanwhile and the lease is kept.
        """
        asked_at = asyncio.get_running_loop().time()
        delivered = outcome is not None and outcome.delivered
        messages = request.messages if request else ()
        released = request.released if request else None
        write = OutcomeWrite(
            endpoint_id=self._lease.endpoint_id,
            fence=self._lease.fence,
            revision=self._lease.revision,
            url=self._lease.url,
            lease_seconds=0.0 if last else self._context.lease_seconds,
            position_from=self._cursor.position,
            epoch=self._cursor.epoch,
            delivered=delivered,
            position_last=messages[-1].position if messages and released is None else self._cursor.position,
            position_to=cursor.position,
            sequence=cursor.sequence,
            delivered_sequence=cursor.delivered_sequence,
            failures_from=self._health.failures,
            failing_since=decision.health.failing_since,
            failures=decision.health.failures,
            warned_hours=decision.health.warned_hours,
            rejecting_since=decision.health.rejecting_since,
            wait_seconds=decision.wait_seconds,
            disable=decision.disable,
            released_epoch=released.epoch if released else None,
            released_sequence=released.sequence if released else None,
            parked_again=parked_again,
            kind=request.kind if request else None,
            duration_ms=outcome.duration_ms if outcome else 0,
            message_id=request.message_id if request else "",
            first_sequence=messages[0].sequence if messages else None,
            messages=len(messages) or 1,
            status=outcome.status if outcome else None,
            error=outcome.error if outcome else error,
            reply=outcome.reply if outcome else b"",
        )
        if not await self._context.recorder.record(write, parkings):
            return False
        self._cursor, self._health = cursor, decision.health
        self._leased_until = asked_at + self._context.lease_seconds
        self.gave_back = last
        return not last

    def _warn(self, decision: RetryDecision, outcome: Outcome) -> None:
        shown = f"{self._lease.endpoint_id} ({self._lease.url.partition('?')[0]})"
        why = outcome.error or f"answered {outcome.status}"
        if decision.disable is not None:
            _log.warning("webhook endpoint %s is disabled, it is %s: %s", shown, decision.disable, why)
        elif decision.warn_hours is not None:
            _log.warning("webhook endpoint %s has been failing for %d h: %s", shown, decision.warn_hours, why)
