"""One PostgreSQL server for each worker, a database of its own for each test, and the real system over HTTP.

`make test` starts more workers than there are processors; pytest alone runs the tests one after the other.
`SAGECERT_POSTGRES_BIN` names the bin directory of another PostgreSQL to run against.
"""

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from services.cli.fd_limit import raise_fd_limit
from services.host.embedded_postgres.binaries import find_binaries
from services.host.embedded_postgres.server import Server
from services.host.migrate import migrate
from tests.clean_environment import empty_home, isolate
from tests.databases import ALL_IN_ONE, APART, Database, clone, drop, given_server, reachable_directory, start_server
from tests.network import separate
from tests.systems import System, running_system, running_system_apart

SANDBOX_TEMPLATE = "template_sandbox"
"""A migrated, empty sandbox database."""

TEMPLATE = "template_real"
"""A migrated, empty database that is not a sandbox."""

_numbers = itertools.count(1)

pytest_plugins = ["tests.distribution"]

NOT_SEPARATE: str | None = separate()
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
settings.load_profile("unhurried")  # a machine that others use is slow, and no test fails by that
isolate()  # before test modules are imported, and before processes of pytest-xdist start
raise_fd_limit()


def pytest_report_header() -> str:
    """Whether anything that a test sends could leave this machine."""
    return "network: nothing but loopback" if NOT_SEPARATE is None else f"network: not cut off, for {NOT_SEPARATE}"


@pytest.fixture(scope="session", autouse=True)
def home() -> Iterator[Path]:
    """The home and the current directory of every test, empty."""
    with empty_home() as home:
        yield home


@pytest.fixture(autouse=True)
def no_file_is_left(home: Path) -> Iterator[None]:
    """What a test leaves where it runs, such as the `.data` of a command, the next one does not see."""
    yield
    for left in home.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server: nothing in it outlives the run, so nothing waits for the disk."""
    if (given := given_server()) is not None:
        yield given
        return
    chosen = os.environ.get("SAGECERT_POSTGRES_BIN")
    with (
        reachable_directory() as directory,
        start_server(directory, find_binaries(Path(chosen) if chosen else None), print, durable=False) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def templates(server: Server) -> Server:
    """The server with its templates migrated."""
    if given_server() is not None:
        return server
    for name, sandbox in ((TEMPLATE, False), (SANDBOX_TEMPLATE, True)):
        clone(server, "template1", name)
        migrate(server.url(database=name), sandbox=sandbox)
    return server


@pytest.fixture
def database(templates: Server) -> Iterator[Database]:
    """An empty, migrated database for one test; its clock is the real one."""
    yield from _database(templates, TEMPLATE)


@pytest.fixture
def other_database(templates: Server) -> Iterator[Database]:
    """Another such database."""
    yield from _database(templates, TEMPLATE)


@pytest.fixture
def sandbox_database(templates: Server) -> Iterator[Database]:
    """An empty, migrated database for one test; its clock can be moved by its owner."""
    yield from _database(templates, SANDBOX_TEMPLATE)


@pytest.fixture(scope="module")
def module_sandbox_database(templates: Server) -> Iterator[Database]:
    """Such a database for all tests of a module that change nothing in it."""
    yield from _database(templates, SANDBOX_TEMPLATE)


def _database(server: Server, template: str) -> Iterator[Database]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    clone(server, template, name)
    yield Database(server, name)
    drop(server, name)


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    """A connection of the owner to the test's database, each statement a transaction."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def one_system(templates: Server) -> Iterator[System]:
    """The all-in-one system as a process of its own, in sandbox mode; `system` gives it empty to a test."""
    clone(templates, SANDBOX_TEMPLATE, ALL_IN_ONE)
    with running_system(templates.url(database=ALL_IN_ONE)) as system:
        yield system


@pytest.fixture
def system(one_system: System) -> System:
    """The all-in-one system, empty, its clock standing at `tests.systems.START`."""
    one_system.reset()
    return one_system


@pytest.fixture(scope="session")
def system_apart(templates: Server) -> Iterator[System]:
    """Certification, compliance and its worker as processes with roles of their own, behind one ingress."""
    clone(templates, SANDBOX_TEMPLATE, APART)
    with running_system_apart(Database(templates, APART)) as system:
        yield system


@pytest.fixture
def split_system(system_apart: System) -> System:
    """The system run apart, empty, its clock standing at `tests.systems.START`."""
    system_apart.reset()
    return system_apart
