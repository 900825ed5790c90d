"""What the endpoints share: connections, the doorbell, the policy's parameters, what webhooks need."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from starlette.requests import Request

from services.compliance.api.doorbell import Doorbell
from services.compliance.api.problems import NotAppliedYet
from services.compliance.api.question import Question
from services.compliance.database import Connection, Pool
from services.compliance.policy.parameters import Parameters
from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.addresses import Network
from services.compliance.webhooks.sending import Sender
from services.compliance.webhooks.signing import Sealer
from services.products import refuse_unsold

APPLIED_WITHIN_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.1
"""How long an advance of the projection can stay unseen by who waits for it, when its notification was lost."""

_T = TypeVar("_T")


class Webhooks(NamedTuple):
    """What webhooks are registered and tried out with. `plain_http`, `networks`: what a URL may be."""

    sealer: Sealer
    sender: Sender
    wall_clock: Callable[[], datetime]
    plain_http: bool
    networks: Sequence[Network]


class Service(NamedTuple):
    """The running service, as the endpoints see it.

    `sandbox`: the log can begin anew. `webhooks`: None where there are none.
    """

    pool: Pool
    doorbell: Doorbell
    parameters: Parameters
    sandbox: bool
    webhooks: Webhooks | None

    def sold(self, product: str) -> None:
        """Raises `NotSold` for a product that is not sold."""
        refuse_unsold((product,), self.parameters.products)

    async def look(self, question: Question, look: Callable[[Connection], Awaitable[tuple[int, _T]]]) -> _T:
        """What `look` finds once it finds the facts up to the question's `min_position`.

        `look` returns how far that goes into which it looks, and what it finds. No connection is held
        while waiting. Raises `NotAppliedYet` after five seconds.
        """
        min_position = question.min_position or 0
        loop = asyncio.get_running_loop()
        deadline = loop.time() + APPLIED_WITHIN_SECONDS
        while True:
            ring = self.doorbell.next_ring()
            async with self.pool.acquire() as connection:
                position, found = await look(connection)
            if position >= min_position:
                return found
            left = deadline - loop.time()
            if left <= 0 or self.doorbell.stopped:
                detail = f"The facts are applied up to position {position}, not yet up to {min_position}."
                raise NotAppliedYet(detail, "min_position")
            await self.doorbell.wait(ring, left, LOOK_SECONDS)


@asynccontextmanager
async def sending(settings: ComplianceSettings, wall_clock: Callable[[], datetime]) -> AsyncIterator[Webhooks | None]:
    """What webhooks are registered and tried out with, where there is a key to seal secrets with."""
    if not settings.webhook_keys:
        yield None
        return
    networks, plain_http = settings.webhook_networks, settings.sandbox
    async with Sender(networks=networks, plain_http=plain_http, clock=wall_clock) as sender:
        yield Webhooks(Sealer(settings.webhook_keys), sender, wall_clock, plain_http, networks)


def service_of(request: Request) -> Service:
    """The service of the application that was asked."""
    service: Service = request.app.state.compliance
    return service
