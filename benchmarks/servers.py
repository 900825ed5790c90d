"""A PostgreSQL server, the services as processes of their own, and a client that costs next to nothing."""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path

import uvloop
from fastapi import FastAPI

from benchmarks import histories
from services.certification.app import create_app as create_certification
from services.certification.settings import CertificationSettings
from services.compliance.app import create_app as create_compliance
from services.compliance.projection.follower import Follower
from services.compliance.settings import ComplianceSettings
from services.host import run_until_signal
from services.host.api_keys.key_ring import NO_KEYS
from services.host.asgi_server import serve
from services.host.database_urls_and_roles import Databases, launched
from services.host.gateway import Gateway
from services.host.gc_tuning import tune_gc
from services.host.listening_socket import listen
from services.host.migrate import migrate
from services.host.wall_clock import wall_clock
from tests.temporary_directory import temporary_directory


@contextmanager
def server(data_directory: Path | None) -> Iterator[Databases]:
    """A migrated server of the benchmark's own, with fsync on; kept where a directory is given."""
    with temporary_directory("sagecert-bench-") as temporary:
        temporary.chmod(0o755)
        with launched(data_directory or temporary / "data", None, print) as ready:
            databases = ready()
            migrate(databases.owner_url, sandbox=False)
            yield databases


@contextmanager
def system(*options: str, **settings: str) -> Iterator[str]:
    """`sagecert up` on a server of its own, with fsync on and no other settings; its address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAGECERT_")}
    with temporary_directory("sagecert-bench-") as directory:
        directory.chmod(0o755)
        command = [*options, "--port", "0", "--json", "--data-dir", f"{directory}/data"]
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "up", *command],
            env=environment | settings,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            process.wait()


def fill(databases: Databases, facts: int) -> None:
    """A realistic history of about so many facts, unless the log holds one already."""
    try:
        written = histories.write(databases.owner_url, facts, seed=1)
    except RuntimeError:
        return
    print(f"{written:,} facts written")


def settings_for(url: str) -> ComplianceSettings:
    """The compliance service on this database."""
    return ComplianceSettings.model_validate({"database_url": url})


def compliance(url: str) -> Gateway:
    """The compliance service as `sagecert compliance serve` composes it."""
    return Gateway({"compliance": create_compliance(settings_for(url), wall_clock)}, keys=NO_KEYS, sandbox=False)


def certification(url: str) -> Gateway:
    """The certification service as `sagecert certification serve` composes it."""
    settings = CertificationSettings.model_validate({"database_url": url})
    return Gateway({"certification": create_certification(settings)}, keys=NO_KEYS, sandbox=False)


@contextmanager
def following(url: str) -> Iterator[None]:
    """The follower in a process of its own, as `sagecert compliance work` runs it."""
    process = get_context("spawn").Process(target=_follow, args=(url,))
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _follow(url: str) -> None:
    with suppress(KeyboardInterrupt):
        run_until_signal.run(Follower(settings_for(url)).run())


@contextmanager
def serving(create: Callable[..., FastAPI | Gateway], *arguments: object) -> Iterator[int]:
    """The application in a process of its own; gives its port."""
    listening = listen("127.0.0.1", 0)
    process = get_context("spawn").Process(target=_serve, args=(create, arguments, listening), daemon=True)
    process.start()
    try:
        yield listening.getsockname()[1]
    finally:
        process.kill()
        process.join()
        listening.close()


def _serve(create: Callable[..., FastAPI | Gateway], arguments: Sequence[object], listening: socket.socket) -> None:
    async def run() -> None:
        app = create(*arguments)
        async with app.running() if isinstance(app, Gateway) else app.router.lifespan_context(app):
            await serve(app, listening, lambda: None)

    tune_gc()
    uvloop.run(run())


class Client:
    """One connection kept alive; it reads as much of an answer as it takes to find its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Client":
        """Waits until the server answers."""
        for _ in range(400):
            try:
                return cls(*await asyncio.open_connection("127.0.0.1", port))
            except OSError:
                await asyncio.sleep(0.05)
        raise TimeoutError

    async def get(self, path: str, statuses: Collection[bytes] = (b"200",)) -> bytes:
        """The body. Raises `RuntimeError` for any other status."""
        return await self._call(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), statuses)

    async def get_in_turn(self, paths: Sequence[str], turn: int) -> bytes:
        """The body at one of the paths, which take turns."""
        return await self.get(paths[turn % len(paths)])

    async def post(self, path: str, key: str, body: bytes) -> bytes:
        """The body. Raises `RuntimeError` for anything but 201."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\n"
        )
        return await self._call(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, (b"201",))

    async def _call(self, request: bytes, statuses: Collection[bytes]) -> bytes:
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        start = lowered.index(b"content-length:") + 15
        body = await self._reader.readexactly(int(lowered[start : lowered.index(b"\r\n", start)]))
        if head[9:12] not in statuses:
            raise RuntimeError(body.decode())
        return body


async def rate(port: int, paths: Sequence[str], connections: int, seconds: float) -> float:
    """Answers a second over several connections that each ask one question after the other."""
    clients = [await Client.connect(port) for _ in range(connections)]
    for client in clients:
        await client.get(paths[0])
    deadline = time.perf_counter() + seconds
    answered = 0

    async def ask(client: Client, first: int) -> None:
        nonlocal answered
        turn = first
        while time.perf_counter() < deadline:
            await client.get(paths[turn % len(paths)])
            answered += 1
            turn += len(clients)

    started = time.perf_counter()
    await asyncio.gather(*(ask(client, first) for first, client in enumerate(clients)))
    return answered / (time.perf_counter() - started)


async def latency_ms(ask: Callable[[int], Awaitable[object]], calls: int) -> float:
    """The median of how long one call after the other takes, in milliseconds."""
    taken = []
    for turn in range(calls):
        started = time.perf_counter()
        await ask(turn)
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)
