"""One fact a POST over HTTP, against a bare FastAPI endpoint that inserts one row, on the same server in the same run.

`python -m benchmarks.posts [--seconds 2] [--rounds 7]`. Both applications are one uvicorn process with the same loop,
parser and settings, as `sagecert certification serve` has them; the bare one takes a connection from an asyncpg pool,
inserts one row and answers. The clients are a process of their own that sends bytes prepared before. Rounds alternate;
a figure is the median, a ratio the median of the ratios of a round. `link` depends on nothing; `recognition` loads the
person, decides and appends two facts; `pass` scores an attempt that certifies.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from multiprocessing import get_context
from typing import Final, cast
from uuid import uuid4

import psycopg
import uvloop
from fastapi import FastAPI

from benchmarks.append import sync_microseconds
from benchmarks.bare import LinkBody, bare_application
from benchmarks.command_line import options
from benchmarks.servers import certification, server, serving
from services.host.database_urls_and_roles import Databases

CALLERS: Final = (1, 8, 32)
CALLS_PER_SECOND_MAX: Final = 20_000
"""More than a machine answers: so many are prepared."""
_CREATE: Final = """
    DROP SCHEMA IF EXISTS bare CASCADE;
    CREATE SCHEMA bare;
    CREATE TABLE bare.link (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL UNIQUE, partner_id text NOT NULL,
        consultant_id text NOT NULL, recorded_at timestamptz NOT NULL DEFAULT clock_timestamp())
"""
_INSERT: Final = "INSERT INTO bare.link (key, partner_id, consultant_id) VALUES ($1, $2, $3) RETURNING id, recorded_at"

Request = Callable[[int], bytes]


def bare(url: str) -> FastAPI:
    """What one would write first: a body, one row, an answer."""

    app = bare_application(url, (1, 8))

    @app.post("/bare/{partner_id}/consultants", status_code=201)
    async def link(partner_id: str, body: LinkBody) -> dict[str, object]:
        row = await app.state.pool.fetchrow(_INSERT, uuid4().hex, partner_id, body.consultant_id)
        return {"id": row["id"], "recorded_at": row["recorded_at"]}

    return app


def _request(path: str, body: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: {uuid4().hex}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def bare_link(number: int) -> bytes:
    """A link, to the bare endpoint."""
    return _request(f"/bare/P{number % 500}/consultants", f'{{"consultant_id": "C{number}"}}')


def link(number: int) -> bytes:
    """The same link, to the service."""
    return _request(f"/certification/v1/partners/P{number % 500}/consultants", f'{{"consultant_id": "C{number}"}}')


def recognition(number: int) -> bytes:
    """Somebody is recognised: a fact and a decision."""
    body = f'{{"consultant_id": "R{number}", "product": "S200P"}}'
    return _request("/certification/v1/recognised-certifications", body)


class _Caller(asyncio.Protocol):
    """Sends one request after the other; counts answers by status."""

    def __init__(self, requests: Sequence[bytes], done: "asyncio.Future[None]", deadline: float) -> None:
        self._requests = iter(requests)
        self._done = done
        self._deadline = deadline
        self._got = b""
        self.answered = 0
        self.failed = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        start = lowered.index(b"content-length:") + 15
        length, _, _ = lowered[start:].partition(b"\r\n")
        if len(body) < int(length):
            return
        if head[9:12] != b"201":
            self.failed = self._got
        self._got = b""
        self.answered += 1
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None or self.failed or time.perf_counter() > self._deadline:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        self._transport.write(request)


def _same(caller: _Caller) -> _Caller:
    return caller


async def _load(port: int, requests: Sequence[bytes], callers: int, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    made = []
    for number in range(callers):
        done: asyncio.Future[None] = loop.create_future()
        caller = _Caller(requests[number::callers], done, started + seconds)
        await loop.create_connection(partial(_same, caller), "127.0.0.1", port)
        made.append((caller, done))
    for caller, done in made:
        await done
        if caller.failed:
            raise RuntimeError(caller.failed.decode())
    answered = sum(caller.answered for caller, _ in made)
    if answered >= len(requests):
        raise RuntimeError("too few requests were prepared")
    return answered / (time.perf_counter() - started)


def load(port: int, requests: Sequence[bytes], callers: int, seconds: float) -> float:
    """Answers a second to so many callers, each with a connection of its own."""
    return uvloop.run(_load(port, requests, callers, seconds))


def measure(databases: Databases, seconds: float, rounds: int) -> None:
    """Prints calls a second and ratios."""
    with psycopg.connect(databases.owner_url, autocommit=True) as owner:
        owner.execute(_CREATE)
    print(f"one fsync of the disk: {sync_microseconds():,.0f} µs")
    numbers = count()
    with (
        serving(bare, databases.owner_url) as bare_port,
        serving(certification, databases.certification_url) as our_port,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as clients,
    ):
        kinds: dict[str, tuple[int, Request]] = {
            "bare": (bare_port, bare_link),
            "link": (our_port, link),
            "recognition": (our_port, recognition),
        }
        for callers in CALLERS:
            figures: dict[str, list[float]] = {kind: [] for kind in kinds}
            for turn in range(rounds + 1):
                for kind, (port, make) in kinds.items():
                    requests = [make(next(numbers)) for _ in range(int(CALLS_PER_SECOND_MAX * seconds))]
                    rate = clients.submit(load, port, requests, callers, seconds if turn else 0.5).result()
                    if turn:  # the first round warms up
                        figures[kind].append(rate)
            peer = figures.pop("bare")
            print(f"POST of one fact, {callers} caller(s): bare endpoint {statistics.median(peer):,.0f}/s", end="")
            for kind, rates in figures.items():
                ratio = statistics.median(rate / other for rate, other in zip(rates, peer, strict=True))
                print(f"; {kind} {statistics.median(rates):,.0f}/s = {ratio:.2f}x", end="")
            print(flush=True)


def main() -> None:
    """Starts a server of its own, with fsync on, and measures on it."""
    arguments = options(__doc__, seconds=2.0, rounds=7)
    with server(None) as databases:
        measure(databases, arguments.seconds, arguments.rounds)


if __name__ == "__main__":
    main()
