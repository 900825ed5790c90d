"""The dependencies of the endpoints: connections, processes that replay history, the listener, webhooks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from services.compliance.api.problems import NotAppliedYet
from services.compliance.claims.claim_recorder import ClaimRecorder
from services.compliance.database import Connection, Pool
from services.compliance.historical_answers.as_of import AsOf
from services.compliance.historical_answers.pool import AnsweringPool
from services.compliance.historical_answers.questions import FreshQuestion, Question
from services.compliance.policy.parameters import Parameters
from services.compliance.read_model.current_standings import present_moment
from services.compliance.read_model.nearest_cache import NearestCache
from services.compliance.read_model.routing import log_head
from services.compliance.read_model.shared_snapshot import TableSnapshot, one_moment
from services.compliance.read_model.training_cache import TrainingCache
from services.compliance.readiness import Readiness
from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.message_clock import MessageClock, message_clock
from services.compliance.webhooks.signing import SecretSealer
from services.compliance.webhooks.transport.addresses import Network
from services.compliance.what_ifs.runs import WhatIfRuns
from services.web.event_broadcast import Broadcast
from services.web.fact_proofs import FactProofs
from services.web.fair_places import FairPlaces
from services.web.lists_as_csv import snapshot_of
from services.web.readiness_check import ReadinessCheck
from services.web.wakeup import Wakeup

if TYPE_CHECKING:
    from services.compliance.webhooks.transport.http_post import Sender

APPLIED_WITHIN_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.1
"""How often waiting callers poll, in case a notification was lost."""

CONNECTION_SECONDS_MAX: Final = 5.0
"""How long a question waits for a free connection."""

_T = TypeVar("_T")


class Webhooks(NamedTuple):
    """The dependencies of webhook endpoints. `clock`: stamps messages.

    `plain_http`, `networks`: what a URL may be.
    """

    sealer: SecretSealer
    sender: "Callable[[], Awaitable[Sender]]"
    clock: MessageClock
    plain_http: bool
    networks: Sequence[Network]


class Service(NamedTuple):
    """The running service, as the endpoints see it.

    `pool`: for what only reads, with a role that cannot write; `owners_pool`: for what owners of webhook endpoints do.
    `answers`: processes that replay history. `claims`: records the answers of authorisations. `sandbox`: the log can be
    reset. `webhooks`: None without a key. `readiness`: the check behind `readyz`. `nearest`: the people nearest to mend
    the standings that were asked for. `training`: what listed people have done. `places`, `owners_places`: give the
    connections of the pools to callers in turn. `lists`: bounds the pages of lists that are read at once to a part of
    the pool, so that a search hinders no other answer. `fact_proofs`: looks up the proof of a fact; None: there are no
    proofs.
    """

    pool: Pool
    owners_pool: Pool
    feed: Broadcast
    answers: AnsweringPool
    claims: ClaimRecorder
    listener: Wakeup
    parameters: Parameters
    sandbox: bool
    webhooks: Webhooks | None
    readiness: ReadinessCheck[tuple[Readiness, list[str]]]
    what_ifs: WhatIfRuns
    fact_proofs: FactProofs | None
    nearest: NearestCache
    training: TrainingCache
    places: FairPlaces
    owners_places: FairPlaces
    lists: FairPlaces

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool. Raises `TimeoutError` if none is free in time."""
        async with (
            self.places.place(CONNECTION_SECONDS_MAX),
            self.pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection,
        ):
            yield connection

    @asynccontextmanager
    async def list_connection(self) -> AsyncIterator[Connection]:
        """A connection for a page of a list. Raises `TimeoutError` where none is free in time."""
        async with self.lists.place(CONNECTION_SECONDS_MAX), self.connection() as connection:
            yield connection

    @asynccontextmanager
    async def owners_connection(self) -> AsyncIterator[Connection]:
        """A connection that may write what owners configure. Raises `TimeoutError` if none is free in time."""
        async with (
            self.owners_places.place(CONNECTION_SECONDS_MAX),
            self.owners_pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection,
        ):
            yield connection

    @asynccontextmanager
    async def present(self, request: Request, question: FreshQuestion) -> AsyncIterator[tuple[Connection, AsOf]]:
        """A connection that reads the present at one moment, and that moment, after the question's `min_position`.

        For the page of a table it is the moment of the table. Raises what `wait_for_position` raises.
        """
        held = held_for(request)
        if held is None:
            await self.applied(question)
        async with self.list_connection() as connection, one_moment(connection, held):
            _, moment = await present_moment(connection, held and held.at)
            yield connection, moment

    @asynccontextmanager
    async def page(
        self, request: Request, question: FreshQuestion
    ) -> AsyncIterator[tuple[Connection, datetime | None]]:
        """A connection for a page of the present, after the question's `min_position`, and the instant to read it at.

        None: now, in one statement. The page of a table is read in its snapshot. Raises what `wait_for_position`
        raises.
        """
        held = held_for(request)
        if held is None:
            await self.applied(question)
        async with self.list_connection() as connection:
            if held is None:
                yield connection, None
            else:
                async with one_moment(connection, held):
                    yield connection, held.at

    async def applied(self, question: FreshQuestion) -> None:
        """Waits until the facts up to the question's `min_position` are applied. Raises like `wait_for_position`."""
        if question.min_position:
            await self.wait_for_position(question, present_moment)

    async def derive(self, request: Request, question: Question, about: str) -> Response:
        """The answer of a process that replays history, after the log reaches the question's `min_position`.

        `about`: the id in question, or the name of a list; questions with one `about` take turns. Raises what
        `AnsweringPool.ask` raises. Stops waiting if the caller hangs up.
        """
        if isinstance(question, FreshQuestion) and question.min_position:
            await self.wait_for_position(question, log_head)
        asking = asyncio.ensure_future(self.answers.ask(about, question))
        hanging_up = asyncio.ensure_future(_hang_up(request))
        try:
            await asyncio.wait((asking, hanging_up), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                return Response(status_code=499)  # nobody reads it
            return Response(asking.result(), media_type="application/json")
        finally:
            asking.cancel()
            hanging_up.cancel()

    async def wait_for_position(
        self, question: FreshQuestion, query: Callable[[Connection], Awaitable[tuple[int, _T]]]
    ) -> _T:
        """Repeats `query` until the position it reports reaches the question's `min_position`.

        `query` returns (position, result). It holds no connection between two tries. Raises `NotAppliedYet` after five
        seconds.
        """
        min_position = question.min_position or 0
        loop = asyncio.get_running_loop()
        deadline = loop.time() + APPLIED_WITHIN_SECONDS
        while True:
            signal = self.listener.next_signal()
            async with self.connection() as connection:
                position, result = await query(connection)
            if position >= min_position:
                return result
            left = deadline - loop.time()
            if left <= 0 or self.listener.stopped:
                detail = f"The facts are applied up to position {position}, not yet up to {min_position}."
                raise NotAppliedYet(detail, "min_position")
            await self.listener.wait(signal, left, POLL_SECONDS)


async def _hang_up(request: Request) -> None:
    """Returns when the caller is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


@asynccontextmanager
async def sending(
    settings: ComplianceSettings, pool: Pool, wall_clock: Callable[[], datetime]
) -> AsyncIterator[Webhooks | None]:
    """The dependencies of webhook endpoints, if there is a key to seal secrets with."""
    if not settings.webhook_keys:
        yield None
        return
    networks, plain_http = settings.receiver_networks, settings.sandbox
    loading = asyncio.Lock()
    opened: Sender | None = None

    async def sender() -> "Sender":
        """Opened for the first test message: loading its HTTP client takes a tenth of a start."""
        nonlocal opened
        async with loading:
            if opened is None:
                module = await asyncio.to_thread(import_module, "services.compliance.webhooks.transport.http_post")
                made: Sender = module.Sender(networks=networks, plain_http=plain_http, clock=wall_clock)
                opened = await to_close.enter_async_context(made)
            return opened

    async with AsyncExitStack() as to_close:
        clock = message_clock(pool, settings, wall_clock)
        yield Webhooks(SecretSealer(settings.webhook_keys), sender, clock, plain_http, networks)


def held_for(request: Request) -> TableSnapshot | None:
    """The snapshot of the table of which a page is asked for; None: no table asks."""
    held = snapshot_of(request)
    return held if isinstance(held, TableSnapshot) else None


def service_of(request: Request) -> Service:
    """The service behind the request."""
    service: Service = request.app.state.compliance
    return service
