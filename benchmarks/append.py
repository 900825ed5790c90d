"""Appending one fact a call, by 1 and 8 threads, against the library's stock application on the same server.

`python -m benchmarks.append [--calls 4000] [--rounds 5]`. Ours is the whole of what an HTTP call does after its
body is read: decide, encode, append with receipt and idempotency. Rounds alternate; medians are printed.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate

from services.certification.event_store.database import Database
from services.certification.event_store.store import EventStore
from services.certification.recording import Asked, record
from services.certification.report import Report
from services.databases import Databases, embedded
from services.migrate import migrate
from shared.events.facts import ConsultantLinked, CourseCompleted, Reported

THREADS = (1, 8)
PRODUCTS = ("S200P", "S200S")
SECONDS_MAX = 30.0

Step = Callable[[], None]


class Link(Aggregate):
    """The same content as an aggregate of the library."""

    def __init__(self, partner_id: str, consultant_id: str) -> None:
        self.partner_id = partner_id
        self.consultant_id = consultant_id


@contextmanager
def stock(owner_url: str) -> Iterator[Step]:
    """Saves one new event with the library as it comes."""
    with psycopg.connect(owner_url) as connection:
        info = connection.info
        environment = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": info.dbname,
            "POSTGRES_HOST": info.host,
            "POSTGRES_PORT": str(info.port),
            "POSTGRES_USER": info.user,
            "POSTGRES_PASSWORD": info.password or "none",
            "POSTGRES_POOL_SIZE": str(max(THREADS)),
            "POSTGRES_SCHEMA": "stock",
        }
        connection.execute("CREATE SCHEMA IF NOT EXISTS stock")
    numbers = count()
    application: Application[UUID] = Application(environment)

    def step() -> None:
        application.save(Link("P1", f"C{next(numbers)}"))

    yield step
    application.close()


@contextmanager
def ours(url: str, fact: Callable[[int], Reported]) -> Iterator[Step]:
    """Records one new fact."""
    numbers = count()

    def step() -> None:
        report = Report(str(uuid4()), fact(next(numbers)), None, "benchmark")
        record(store, PRODUCTS, report, Asked("benchmark", report.fact_id, b"POST"))

    with Database(url, None, max(THREADS), SECONDS_MAX) as database:
        store = EventStore(database)
        yield step


def per_second(step: Step, calls: int, threads: int) -> float:
    """How many calls a second the threads make together."""
    share = calls // threads

    def work() -> None:
        for _ in range(share):
            step()

    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()
        return share * threads / (time.perf_counter() - started)


def measure(databases: Databases, calls: int, rounds: int) -> None:
    """Prints calls a second and the ratio to the library."""
    run = uuid4().hex[:8]
    migrate(databases.owner_url, sandbox=False)
    with (
        stock(databases.owner_url) as library,
        ours(databases.certification_url, lambda n: ConsultantLinked("P1", f"C{n}")) as link,
        ours(databases.certification_url, lambda n: CourseCompleted(f"{run}-{n}", "S200P")) as course,
    ):
        for threads in THREADS:
            figures: dict[str, list[float]] = {}
            for _ in range(rounds):
                for name, step in (("library", library), ("link", link), ("course", course)):
                    figures.setdefault(name, []).append(per_second(step, calls, threads))
            medians = {name: statistics.median(values) for name, values in figures.items()}
            peer = medians.pop("library")
            print(f"append, {threads} thread(s): library {peer:,.0f}/s", end="")
            for name, figure in medians.items():
                print(f"; {name} {figure:,.0f}/s = {figure / peer:.2f}x", end="")
            print()


def main() -> None:
    """Starts a server of its own, with fsync on, and measures on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        with embedded(Path(directory) / "data", None, print) as databases:
            measure(databases, arguments.calls, arguments.rounds)


if __name__ == "__main__":
    main()
