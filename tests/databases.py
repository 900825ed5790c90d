"""Databases of the test server: cloned from a template in milliseconds, dropped with whoever is still connected."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import psycopg
from psycopg import sql

from services.host.embedded_postgres.binaries import Binaries
from services.host.embedded_postgres.cluster import SUPERUSER
from services.host.embedded_postgres.server import OWNER, Server, launch_server
from tests.temporary_directory import temporary_directory

ALL_IN_ONE: Final = f"all_in_one_{os.getpid()}"
APART: Final = f"apart_{os.getpid()}"
"""The databases of the systems that tests share. Two runs of tests may share a server, so each names its own."""

GIVEN: Final = "PYTEST_SERVER"
"""The variable that names a server whose templates are migrated, for a run of tests that is a part of another."""

MEMORY: Final = Path("/dev/shm")
MEMORY_BYTES_MIN: Final = 4 << 30
"""Containers often get 64 MB there."""


@contextmanager
def start_server(
    data_directory: Path, binaries: Binaries, on_progress: Callable[[str], None], **more: bool
) -> Iterator[Server]:
    """The server of `launch_server`, ready."""
    with launch_server(data_directory, binaries, on_progress, **more) as ready:
        yield ready()


@contextmanager
def reachable_directory() -> Iterator[Path]:
    """A new directory for a server's data; where root runs the tests, the account that runs the server reaches it.

    In memory where there is enough: on a disk a new database for each test takes a third of the time of the tests.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
        above: str | None = str(MEMORY)
    else:
        above = "/tmp" if os.geteuid() == 0 else None
    with temporary_directory("sagecert-test-", above) as directory:
        directory.chmod(0o755)
        yield directory


class Database(msgspec.Struct, frozen=True):
    """One database, as each role reaches it."""

    server: Server
    name: str

    @property
    def owner_url(self) -> str:
        """Owns both schemas and migrates them."""
        return self.server.url(database=self.name)

    @property
    def certification_url(self) -> str:
        """May append facts, and read them."""
        return self.server.url("sagecert_certification", self.name)

    @property
    def compliance_url(self) -> str:
        """May read facts and the read model, and write webhook endpoints."""
        return self.server.url("sagecert_compliance", self.name)

    @property
    def follower_url(self) -> str:
        """May read facts, and write the read model."""
        return self.server.url("sagecert_follower", self.name)

    @property
    def dispatcher_url(self) -> str:
        """May read compliance events, and write what became of deliveries."""
        return self.server.url("sagecert_dispatcher", self.name)

    @property
    def auditor_url(self) -> str:
        """May read both logs and what is sealed of them."""
        return self.server.url("sagecert_auditor", self.name)

    @property
    def sealer_url(self) -> str:
        """May read both logs, and write what is sealed of them."""
        return self.server.url("sagecert_sealer", self.name)

    @property
    def superuser_url(self) -> str:
        """May do anything: for planting faults."""
        return self.server.url(SUPERUSER, self.name)


def given_server() -> Server | None:
    """The server that is given to this run of tests, if one is."""
    if (given := os.environ.get(GIVEN)) is None:
        return None
    sockets, version, process_id = given.split("|")
    return Server(Path(sockets), version, int(process_id))


def giving(server: Server) -> dict[str, str]:
    """The environment that gives it to another run."""
    return {GIVEN: f"{server.socket_directory}|{server.version}|{server.process_id}"}


def clone(server: Server, template: str, name: str) -> None:
    """Makes a database of the owner's with everything that is in the template.

    Its files are copied: by way of the log of the server it takes twice as much of the processor.
    """
    _run(server, "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY OWNER {}", name, template, OWNER)


def drop(server: Server, name: str) -> None:
    """Drops the database, and whoever is connected to it."""
    _run(server, "DROP DATABASE {} WITH (FORCE)", name)


def _run(server: Server, statement: str, *identifiers: str) -> None:
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, identifiers)))
