"""Signed deliveries of webhooks to a receiver on loopback, against a bare aiohttp client that posts the same bytes.

`python -m benchmarks.webhooks [--events 1000000] [--rounds 5]`. The receiver is a process of its own that costs as
little as one can. The dispatcher and the bare client run in this process, which is set up as those of `sagecert` are.
The dispatcher records each delivery durably; the bare client has a task for each endpoint, keeps connections, signs and
records nothing. Each round measures both; a ratio is the median of the rounds' ratios, with the least and the most.
One endpoint is measured once more at the receiver of the integrator guide, which does what receivers do.
Then: a new endpoint catches up with the whole log, and what an endpoint that never answers does to the others.
"""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from ipaddress import IPv4Network
from typing import Final, NamedTuple

import aiohttp
import psycopg
import uvloop
from cryptography.fernet import Fernet
from pydantic import SecretStr

from benchmarks.command_line import options
from benchmarks.receiver import receiving, receiving_as_in_the_guide
from benchmarks.servers import fill, server, settings_for
from services.compliance.cloud_event import BATCH_MEDIA_TYPE, MEDIA_TYPE
from services.compliance.database import OwnConnection, connect, create_pool
from services.compliance.projection import rebuild
from services.compliance.settings import ComplianceSettings
from services.compliance.webhooks.delivery.dispatcher import Dispatcher
from services.compliance.webhooks.delivery.event_reader import read_events
from services.compliance.webhooks.endpoints import secrets, store
from services.compliance.webhooks.filter_and_cursor import Cursor, Filter
from services.compliance.webhooks.message import Message, batch_body, next_message
from services.compliance.webhooks.signing import SecretSealer, Signer, secret_text
from services.host.database_urls_and_roles import Databases
from services.host.gc_tuning import tune_gc
from services.host.wall_clock import wall_clock

FACTS: Final = 100_000
"""Of the history whose events are repeated until there are enough."""

DELIVERIES: Final = {1: 10_000, 100: 20_000, 1_000: 30_000}
"""By number of endpoints, in each round."""

_ASKED_EVERY_SECONDS: Final = 0.025
"""Whether all has been told: the answer costs the dispatcher's process and the server some of their time."""

CATCH_UP_BATCH: Final = 100
BARE_BATCHES: Final = 500
SLOW: Final = 10
BESIDE: Final = 100

_REPEAT: Final = """
    WITH known AS (SELECT count(*) AS events FROM compliance.compliance_event)
    INSERT INTO compliance.compliance_event
    SELECT e.position + turn * k.events, md5(e.event_id || turn), e.type, e.partner_id, e.products, e.effective_at,
        e.recorded_at, e.fact_position, e.about, e.data
    FROM compliance.compliance_event e, known k, generate_series(1, %s / k.events) turn
    WHERE e.position + turn * k.events <= %s ORDER BY 1
"""

_TURNAROUND: Final = """
    SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM a.started_at - b.started_at))
    FROM webhooks.attempt a JOIN webhooks.attempt b ON b.endpoint_id = a.endpoint_id AND b.number = a.number - 1
    WHERE a.status = 200
"""


class Bench(NamedTuple):
    """A database full of events, and who receives them."""

    settings: ComplianceSettings
    connection: OwnConnection
    head: int
    url: str

    async def register(self, endpoints: int, after: int, *, url: str | None = None, batch_max: int = 1) -> bytes:
        """Endpoints that have been told everything up to a position. Returns the secret of the last one."""
        sealer = SecretSealer(self.settings.webhook_keys)
        wanted = store.EndpointPatch(
            url=url or self.url, description="", filter=Filter(), batch_max=batch_max, heartbeat_seconds=None
        )
        async with self.connection.transaction():
            already = await self.connection.fetchval("SELECT count(*) FROM webhooks.endpoint")
            for number in range(already, already + endpoints):
                await store.insert_endpoint(self.connection, f"e{number}", wanted, after, "benchmark")
                new = await secrets.create_secret(self.connection, f"e{number}", sealer, ed25519=False)
        return new.secret

    async def deliver(self) -> float:
        """Seconds from the start of a dispatcher until every endpoint at the receiver has been told everything."""
        begun = time.perf_counter()
        dispatcher = asyncio.create_task(Dispatcher(self.settings, wall_clock).run())
        behind = "SELECT count(*) FROM webhooks.endpoint WHERE position < $1 AND url = $2"
        while await self.connection.fetchval(behind, self.head, self.url):  # noqa: ASYNC110  # the database is asked
            await asyncio.sleep(_ASKED_EVERY_SECONDS)
        taken = time.perf_counter() - begun
        dispatcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await dispatcher
        return taken

    async def forget(self) -> None:
        """Until the next round."""
        await self.connection.execute("DELETE FROM webhooks.endpoint")

    async def messages(self, count: int) -> Sequence[Message]:
        """The last ones of the log, numbered from 1."""
        found: list[Message] = []
        async with create_pool(self.settings) as pool:
            while len(found) < count:
                after = self.head - count + len(found)
                for row in (await read_events(pool, after, Filter(), min(1_000, count - len(found)))).rows:
                    number = len(found)
                    found.append(next_message(row, Cursor(row[0] - 1, sequence=number, delivered_sequence=number)))
        return found


async def nothing() -> None:
    """What the bare client does about a reply."""


async def bare(
    url: str,
    bodies: Sequence[bytes],
    clients: int,
    media_type: str,
    record: Callable[[], Awaitable[object]] = nothing,
    headers: Callable[[bytes], dict[str, str]] = lambda _: {},
) -> float:
    """Seconds in which so many clients post the bodies, each all of them, one after the other.

    `record`: what is done after each. `headers`: what goes with each.
    """

    async def post(session: aiohttp.ClientSession) -> None:
        for body in bodies:
            sent = {"Content-Type": media_type, **headers(body)}
            async with session.post(url, data=body, headers=sent) as response:
                await response.read()
                assert response.ok, response.status
            await record()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        begun = time.perf_counter()
        await asyncio.gather(*(post(session) for _ in range(clients)))
        return time.perf_counter() - begun


async def throughput(bench: Bench, endpoints: int, rounds: int) -> None:
    """Prints deliveries per second of so many endpoints, ours and bare."""
    each = DELIVERIES[endpoints] // endpoints
    bodies = [one.body for one in await bench.messages(each)]
    ours, peers = [], []
    for _ in range(rounds):
        peers.append(endpoints * each / await bare(bench.url, bodies, endpoints, MEDIA_TYPE))
        await bench.register(endpoints, bench.head - each)
        ours.append(endpoints * each / await bench.deliver())
        await bench.forget()
    print(f"{endpoints:,} endpoints, signed deliveries: {rates(ours, peers)}")


def rates(ours: Sequence[float], peers: Sequence[float]) -> str:
    """Deliveries per second in the rounds, and in the same rounds those of the bare client."""
    ours_median, peers_median, ratio = medians(ours, peers)
    return f"{ours_median:,.0f}/s; bare client {peers_median:,.0f}/s = {ratio}"


def medians(ours: Sequence[float], others: Sequence[float]) -> tuple[float, float, str]:
    """Of the figures of the rounds, and of their ratios, with the least and the most."""
    ratios = sorted(one / other for one, other in zip(ours, others, strict=True))
    shown = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return statistics.median(ours), statistics.median(others), shown


async def to_the_guides_receiver(bench: Bench, rounds: int) -> None:
    """Prints deliveries per second of one endpoint at a receiver that verifies and stores, ours and bare."""
    messages = await bench.messages(DELIVERIES[1] // 5)
    ours, peers = [], []
    for _ in range(rounds):
        secret = await bench.register(1, bench.head - len(messages))
        signer = Signer([secret])
        signed = {one.body: signer.headers(one.message_id, wall_clock(), one.body) for one in messages}
        with receiving_as_in_the_guide(secret_text(secret)) as url:
            await bench.connection.execute("UPDATE webhooks.endpoint SET url = $1", url)
            peers.append(len(signed) / await bare(url, list(signed), 1, MEDIA_TYPE, headers=signed.__getitem__))
            ours.append(len(signed) / await bench._replace(url=url).deliver())
        await bench.forget()
    print(f"1 endpoint, the guide's receiver: {rates(ours, peers)}")


async def limit_of_one(bench: Bench, rounds: int) -> None:
    """Prints the limit of one endpoint: the bare client with the smallest durable commit after each reply."""
    bodies = [one.body for one in await bench.messages(DELIVERIES[1] // 5)]
    await bench.register(1, bench.head)
    least = partial(bench.connection.execute, "UPDATE webhooks.endpoint SET attempts = attempts + 1")
    rates = [len(bodies) / await bare(bench.url, bodies, 1, MEDIA_TYPE, least) for _ in range(rounds)]
    await bench.forget()
    print(f"the bare client with one row updated durably after each reply: {statistics.median(rates):,.0f}/s")


async def catch_up(bench: Bench) -> None:
    """Prints how fast a new endpoint takes the whole log, in batches, and the bare client the same batches."""
    messages = await bench.messages(BARE_BATCHES * CATCH_UP_BATCH)
    bodies = [batch_body(messages[n : n + CATCH_UP_BATCH]) for n in range(0, len(messages), CATCH_UP_BATCH)]
    peer = len(messages) / await bare(bench.url, bodies, 1, BATCH_MEDIA_TYPE)
    await bench.register(1, 0, batch_max=CATCH_UP_BATCH)
    seconds = await bench.deliver()
    await bench.forget()
    rate = bench.head / seconds
    print(
        f"catch-up of a new endpoint over {bench.head:,} events, batches of {CATCH_UP_BATCH}: {seconds:.0f} s,", end=""
    )
    print(f" {rate:,.0f} events/s; bare client {peer:,.0f}/s = {rate / peer:.2f}")


async def beside_slow_ones(bench: Bench, rounds: int) -> None:
    """Prints the 99th percentile of the time from one message to the next, with and without silent neighbours."""
    each = DELIVERIES[BESIDE] // BESIDE
    silent = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    alone, beside = list[float](), list[float]()
    for _ in range(rounds):
        for slow, found in ((0, alone), (SLOW, beside)):
            await bench.register(BESIDE, bench.head - each)
            if slow:
                await bench.register(slow, bench.head - each, url=f"http://127.0.0.1:{port}/hook")
            await bench.deliver()
            found.append(float(await bench.connection.fetchval(_TURNAROUND)))
            await bench.forget()
    silent.close()
    with_them, without, ratio = medians(beside, alone)
    print(f"p99 from message to message of {BESIDE} endpoints: {without:.1f} ms alone, ", end="")
    print(f"{with_them:.1f} ms beside {SLOW} that never answer = {ratio}")


async def measure(settings: ComplianceSettings, owner_url: str, url: str, rounds: int) -> None:
    """Prints the figures."""
    owner = settings.model_copy(update={"database_url": SecretStr(owner_url)})
    connection = await connect(owner, patient=True)
    head = await connection.fetchval("SELECT event_position FROM progress")
    bench = Bench(settings, connection, head, url)
    for endpoints in DELIVERIES:
        await throughput(bench, endpoints, rounds)
    await limit_of_one(bench, rounds)
    await to_the_guides_receiver(bench, rounds)
    await beside_slow_ones(bench, rounds)
    await catch_up(bench)
    await connection.close()


def prepare(databases: Databases, events: int) -> None:
    """A log of so many compliance events."""
    fill(databases, FACTS)
    rebuild.run(settings_for(databases.compliance_url), databases.owner_url, verify=False)
    with psycopg.connect(databases.owner_url, autocommit=True) as owner:
        owner.execute(_REPEAT, [events, events])
        owner.execute(
            "UPDATE compliance.progress SET event_position = (SELECT max(position) FROM compliance.compliance_event)"
        )
        owner.execute("VACUUM ANALYZE compliance.compliance_event")


def main() -> None:
    """Starts a server of its own and measures on it."""
    arguments = options(__doc__, kept=True, events=1_000_000, rounds=5)
    with server(arguments.data_dir) as databases, receiving() as url:
        prepare(databases, arguments.events)
        settings = ComplianceSettings(
            database_url=SecretStr(databases.dispatcher_url),
            sandbox=True,
            webhook_keys=(SecretStr(Fernet.generate_key().decode()),),
            webhook_networks=(IPv4Network("127.0.0.0/8"),),
        )
        tune_gc()
        uvloop.run(measure(settings, databases.owner_url, url, arguments.rounds))


if __name__ == "__main__":
    main()
