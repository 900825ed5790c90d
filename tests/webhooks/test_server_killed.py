"""PostgreSQL itself is killed while a dispatcher delivers, and started again on what reached the disk."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from services.host.embedded_postgres.binaries import find_binaries
from services.host.embedded_postgres.server import DATABASE, Server
from services.host.migrate import migrate
from tests.databases import Database, reachable_directory, start_server
from tests.webhooks.calling import calling, seed_events
from tests.webhooks.dispatching import dispatching, received, until
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_faults import repeated

KILLS = 3


@pytest.fixture
def directory() -> Iterator[Path]:
    with reachable_directory() as directory:
        yield directory


def durable(directory: Path) -> AbstractContextManager[Server]:
    chosen = os.environ.get("SAGECERT_POSTGRES_BIN")
    return start_server(directory, find_binaries(Path(chosen) if chosen else None), print)


async def test_a_killed_server_loses_nothing_that_was_told(directory: Path) -> None:
    with ExitStack() as running:
        server = running.enter_context(durable(directory))
        await asyncio.to_thread(migrate, server.url(), sandbox=True)
        database = Database(server, DATABASE)
        head = await seed_events(database)
        async with Receiver() as receiver, calling(database) as caller, dispatching(database):
            await caller.register(receiver.url(), start="origin")
            for kill in range(1, KILLS + 1):
                await receiver.came(kill * head // (KILLS + 1))
                os.kill(server.process_id, signal.SIGKILL)
                running.close()
                server = running.enter_context(durable(directory))

            async def everything_came() -> bool:
                return caller.sql("SELECT position FROM webhooks.endpoint") == [(head,)]

            await until(everything_came)
        assert repeated(received(receiver.requests), head) == []
