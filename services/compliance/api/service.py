"""What the endpoints share: connections, processes that replay history, the listener, what webhooks need."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from services.compliance.api.problems import NotAppliedYet
from services.compliance.api.query_params import FreshQuery
from services.compliance.claims.claim_recorder import ClaimRecorder
from services.compliance.database import Connection, Pool
from services.compliance.historical_answers.pool import AnsweringPool
from services.compliance.historical_answers.queries import HistoryQuery
from services.compliance.policy.parameters import Parameters
from services.compliance.projection_notifications import ProjectionListener
from services.compliance.read_model.routing import log_head
from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.message_clock import MessageClock, message_clock
from services.compliance.webhooks.signing import Sealer
from services.compliance.webhooks.transport.addresses import Network
from services.compliance.what_ifs.runs import WhatIfRuns
from services.web.event_broadcast import Broadcast
from services.web.products import require_sold

if TYPE_CHECKING:
    from services.compliance.webhooks.transport.http_post import Sender

APPLIED_WITHIN_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.1
"""How often waiting callers poll, in case a notification was lost."""

CONNECTION_SECONDS_MAX: Final = 5.0
"""How long a question waits for a free connection."""

_T = TypeVar("_T")


class Webhooks(NamedTuple):
    """What webhooks are registered and tried out with. `clock`: stamps messages.

    `plain_http`, `networks`: what a URL may be.
    """

    sealer: Sealer
    sender: "Callable[[], Awaitable[Sender]]"
    clock: MessageClock
    plain_http: bool
    networks: Sequence[Network]


class Service(NamedTuple):
    """The running service, as the endpoints see it.

    `pool`: for what only reads, with a role that cannot write; `owners_pool`: for what owners of webhook endpoints do.
    `answers`: processes that replay history. `claims`: records the answers of authorisations. `sandbox`: the log can be
    reset. `webhooks`: None without a key.
    """

    pool: Pool
    owners_pool: Pool
    feed: Broadcast
    answers: AnsweringPool
    claims: ClaimRecorder
    listener: ProjectionListener
    parameters: Parameters
    sandbox: bool
    webhooks: Webhooks | None
    what_ifs: WhatIfRuns

    def require_sold(self, product: str) -> None:
        """Raises `UnknownProduct` for a product that is not sold."""
        require_sold((product,), self.parameters.products)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool. Raises `TimeoutError` where none is free in time."""
        async with self.pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection:
            yield connection

    @asynccontextmanager
    async def owners_connection(self) -> AsyncIterator[Connection]:
        """A connection that may write what owners configure. Raises `TimeoutError` where none is free in time."""
        async with self.owners_pool.acquire(timeout=CONNECTION_SECONDS_MAX) as connection:
            yield connection

    async def derive(self, request: Request, question: FreshQuery, about: str, derived: HistoryQuery) -> Response:
        """The answer of a process that replays history, after the log reaches the question's `min_position`.

        `about`: the id in question. Raises what `AnsweringPool.ask` raises. Stops waiting if the caller hangs up.
        """
        if question.min_position:
            await self.wait_for_position(question, log_head)
        asking = asyncio.ensure_future(self.answers.ask(about, derived))
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
        self, question: FreshQuery, query: Callable[[Connection], Awaitable[tuple[int, _T]]]
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
    """What webhooks are registered and tried out with, where there is a key to seal secrets with."""
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
        yield Webhooks(Sealer(settings.webhook_keys), sender, clock, plain_http, networks)


def service_of(request: Request) -> Service:
    """The service behind the request."""
    service: Service = request.app.state.compliance
    return service
