"""Both feeds: services in this process, logs long enough to be walked in stretches, and a reader of streams."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import httpx
import msgspec
import psycopg
from pydantic import SecretStr
from starlette.types import ASGIApp, Message

from services.certification.app import create_app as create_certification
from services.certification.settings import CertificationSettings
from services.compliance.app import create_app as create_compliance
from services.compliance.settings import ComplianceSettings
from services.host.api_keys.key_ring import NO_KEYS
from services.host.gateway import Gateway
from services.host.wall_clock import wall_clock
from tests.databases import Database

FEEDS: Final = ("/certification/v1/events", "/compliance/v1/events")
NOON: Final = "2022-01-01T12:00:00Z"
PREFIX: Final = "com.sage.partnercloud."

FACT: Final = """
    INSERT INTO certification.stored_events (
        originator_id, originator_version, topic, state, notification_id, append_position, fact_id,
        recorded_at, effective_at, partner_id, into_partner_id, voided_fact_id)
    SELECT 'stream-' || n, 1, %(topic)s, convert_to(format(
            '{"fact_id":"f%%s","recorded_at":"%%s","effective_at":"%%s","data":%%s}',
            n, %(noon)s::text, %(noon)s::text, %(data)s::text), 'UTF8'),
        n, n, 'f' || n, %(noon)s::timestamptz, %(noon)s::timestamptz, %(partner)s, %(into)s, %(voided)s
    FROM unnest(%(positions)s::bigint[]) n
"""
EVENT: Final = """
    INSERT INTO compliance.compliance_event (
        position, event_id, type, partner_id, products, effective_at, recorded_at, fact_position, about, data)
    SELECT n, 'e' || n, %(type)s, %(partner)s, %(products)s::text[], %(noon)s::timestamptz, %(noon)s::timestamptz,
        0, '', convert_to('{"partner_id":"P","products":[],"standings":[]}', 'UTF8')
    FROM unnest(%(positions)s::bigint[]) n
"""


class Both(msgspec.Struct, frozen=True):
    """Both services behind one door."""

    http: httpx.AsyncClient
    composition: Gateway


@asynccontextmanager
async def both(database: Database, *, sandbox: bool = False, call_seconds_max: float = 20) -> AsyncIterator[Both]:
    """Both services on this database, and somebody who calls them."""
    certification = create_certification(
        CertificationSettings(
            database_url=SecretStr(database.certification_url), sandbox=sandbox, call_seconds_max=call_seconds_max
        )
    )
    compliance = create_compliance(
        ComplianceSettings(database_url=SecretStr(database.compliance_url), sandbox=sandbox), wall_clock
    )
    apps = {"certification": certification, "compliance": compliance}
    composition = Gateway(apps, keys=NO_KEYS, sandbox=sandbox)
    async with AsyncExitStack() as running:
        for app in apps.values():
            await running.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(composition)
        http = await running.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://both"))
        yield Both(http, composition)


def plant_fact(
    owner: psycopg.Connection,
    positions: Iterable[int],
    topic: str,
    data: dict[str, Any],
    *,
    partner: str | None = None,
    into: str | None = None,
    voided: str | None = None,
) -> None:
    """Facts at these positions; who plants them keeps the positions without gaps."""
    owner.execute(
        FACT,
        {
            "positions": list(positions),
            "topic": f"{PREFIX}{topic}.v1",
            "data": json.dumps(data),
            "noon": NOON,
            "partner": partner,
            "into": into,
            "voided": voided,
        },
    )


def plant_event(owner: psycopg.Connection, positions: Iterable[int], name: str, partner: str, products: str) -> None:
    """Compliance events at these positions. `products`: with spaces between them."""
    values = {"positions": list(positions), "type": f"{PREFIX}{name}.v1", "partner": partner, "noon": NOON}
    owner.execute(EVENT, {**values, "products": products.split()})


def plant_plain(owner: psycopg.Connection, positions: Iterable[int]) -> None:
    """A fact of S200P and an event about P and S200P at each of these positions."""
    positions = list(positions)
    plant_fact(owner, positions, "course-completed", {"consultant_id": "C", "product": "S200P"})
    plant_event(owner, positions, "standing-changed", "P", "S200P")


class Streamed(msgspec.Struct):
    """What has come of a stream so far, read as a browser reads it (https://html.spec.whatwg.org, 9.2.6)."""

    last_event_id: str = ""
    comments: int = 0

    def events(self, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
        """The CloudEvents of these lines, as they are dispatched; each has the id of its position."""
        data: list[str] = []
        identifier = self.last_event_id
        for line in lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                self.last_event_id = identifier
                if data:
                    event = json.loads("\n".join(data))
                    assert str(event["position"]) == self.last_event_id
                    yield event
                data = []
            elif name == "":
                self.comments += 1
            elif name == "data":
                data.append(value)
            elif name == "id":
                identifier = value
            else:
                assert name == "retry", "with an event's name, onmessage of a browser would not hear of it"


@asynccontextmanager
async def streaming(
    app: ASGIApp, path: str, query: str = "", headers: Sequence[tuple[bytes, bytes]] = ()
) -> AsyncIterator[AsyncIterator[str]]:
    """The lines of a stream, taken from the application itself; what is not taken holds it up."""
    gone = asyncio.Event()
    sent: asyncio.Queue[Message] = asyncio.Queue(1)

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": query.encode(),
        "headers": [(b"accept", b"text/event-stream"), *headers],
    }
    task = asyncio.ensure_future(app(scope, receive, sent.put))
    try:
        start = await sent.get()
        assert start["status"] == 200
        assert (b"content-type", b"text/event-stream; charset=utf-8") in start["headers"]
        yield _lines(sent)
    finally:
        gone.set()
        await task


async def _lines(sent: asyncio.Queue[Message]) -> AsyncIterator[str]:
    more = True
    while more:
        message = await asyncio.wait_for(sent.get(), 20)
        more = message["more_body"]
        for line in message["body"].decode().splitlines():
            yield line


async def taken(lines: AsyncIterator[str], until: str) -> list[str]:
    """The lines up to this one."""
    found = [await anext(lines)]
    while found[-1] != until:
        found.append(await anext(lines))
    return found


def plant_now(database: Database, positions: Iterable[int]) -> None:
    """Plants plain events at these positions of both logs."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        plant_plain(owner, positions)
