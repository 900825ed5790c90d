"""Appending one fact a call, by 1 and 8 callers, against the library's stock application on the same server.

`python -m benchmarks.append [--calls 4000] [--rounds 5]`. Ours is the whole of what an HTTP call does after its
body is read: decide, encode, append with receipt and idempotency; `course` also loads what the decision depends on.
Rounds alternate; medians are printed. Where the disk is slow to sync, one writer measures the disk.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from uuid import uuid4

import uvloop

from benchmarks.command_line import options
from benchmarks.servers import server
from benchmarks.stock import Link, Links, environment
from services.certification.decision import RequestReceipt
from services.certification.domain.fact_report import FactReport
from services.certification.event_store.database import Database
from services.certification.event_store.store import EventStore
from services.certification.record_fact import record
from services.host.database_urls_and_roles import Databases
from shared.events.facts import ConsultantLinked, CourseCompleted, Reported

CALLERS = (1, 8)
PRODUCTS = ("S200P", "S200S")
SECONDS_MAX = 30.0

Rate = Callable[[int, int], float]
"""Calls a second, of so many calls by so many callers together."""


@contextmanager
def stock(owner_url: str) -> Iterator[Rate]:
    """Saves new events with the library as it comes, in threads: it has no asynchronous side."""
    numbers = count()
    application = Links({**environment(owner_url), "POSTGRES_POOL_SIZE": str(max(CALLERS))})

    def work(calls: int) -> None:
        for _ in range(calls):
            application.save(Link("P1", f"C{next(numbers)}"))

    def rate(calls: int, callers: int) -> float:
        share = calls // callers
        with ThreadPoolExecutor(callers) as pool:
            started = time.perf_counter()
            for done in [pool.submit(work, share) for _ in range(callers)]:
                done.result()
            return share * callers / (time.perf_counter() - started)

    yield rate
    application.close()


@contextmanager
def ours(url: str, fact: Callable[[int], Reported]) -> Iterator[Rate]:
    """Records new facts."""
    numbers = count()

    async def work(store: EventStore, calls: int) -> None:
        for _ in range(calls):
            report = FactReport(str(uuid4()), fact(next(numbers)), None, "benchmark")
            await record(store, PRODUCTS, report, RequestReceipt("benchmark", report.fact_id, b"POST"))

    async def measured(calls: int, callers: int) -> float:
        share = calls // callers
        async with Database(url, None, max(CALLERS), SECONDS_MAX) as database, EventStore(database) as store:
            await work(store, callers)
            started = time.perf_counter()
            await asyncio.gather(*(work(store, share) for _ in range(callers)))
            return share * callers / (time.perf_counter() - started)

    def rate(calls: int, callers: int) -> float:
        return uvloop.run(measured(calls, callers))

    yield rate


def sync_microseconds() -> float:
    """How long the disk takes to sync one page: no commit of any system takes less."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(50):
            file.write(b"x" * 8192)
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took) * 1e6


def measure(databases: Databases, calls: int, rounds: int) -> None:
    """Prints calls a second and the ratio to the library."""
    print(f"one fsync of the disk: {sync_microseconds():,.0f} µs")
    run = uuid4().hex[:8]
    with (
        stock(databases.owner_url) as library,
        ours(databases.certification_url, lambda n: ConsultantLinked("P1", f"C{n}")) as link,
        ours(databases.certification_url, lambda n: CourseCompleted(f"{run}-{n}", "S200P")) as course,
    ):
        for callers in CALLERS:
            figures: dict[str, list[float]] = {}
            for _ in range(rounds):
                for name, rate in (("library", library), ("link", link), ("course", course)):
                    figures.setdefault(name, []).append(rate(calls, callers))
            medians = {name: statistics.median(values) for name, values in figures.items()}
            peer = medians.pop("library")
            print(f"append, {callers} caller(s): library {peer:,.0f}/s", end="")
            for name, figure in medians.items():
                print(f"; {name} {figure:,.0f}/s = {figure / peer:.2f}x", end="")
            print()


def main() -> None:
    """Starts a server of its own, with fsync on, and measures on it."""
    arguments = options(__doc__, calls=4000, rounds=5)
    with server(None) as databases:
        measure(databases, arguments.calls, arguments.rounds)


if __name__ == "__main__":
    main()
