"""Sealing a log, comparing it whole, exporting it, and what the sealer costs those who append.

`python -m benchmarks.sealing [--facts 1000000] [--calls 4000] [--rounds 3] [--data-dir D]`. The limit of all that
hashes is one process that reads every row with asyncpg. Appending is measured in rounds, with and without a sealer.
"""

import asyncio
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr

from benchmarks.append import ours
from benchmarks.command_line import options
from benchmarks.rebuild import read_and_decode
from benchmarks.servers import fill, server
from services.audit.alteration_watch import AlterationWatch
from services.audit.sealer import Sealer
from services.audit.settings import AuditSettings
from services.host.database_urls_and_roles import Databases
from services.host.export_file import write_export
from services.host.run_until_signal import run
from shared.events.facts import ConsultantLinked
from tests.temporary_directory import temporary_directory

CALLERS = 8


def settings_for(url: str, directory: Path) -> AuditSettings:
    """Of the audit trail on this database."""
    return AuditSettings(database_url=SecretStr(url), directory=directory)


def seal_for_ever(url: str, directory: Path) -> None:
    """The process of a sealer."""
    run(Sealer(settings_for(url, directory)).run())


@contextmanager
def sealing(url: str, directory: Path) -> Iterator[None]:
    """A sealer beside what is measured."""
    process = get_context("spawn").Process(target=seal_for_ever, args=(url, directory), daemon=True)
    process.start()
    time.sleep(2.0)  # it has loaded, and sealed what was there
    try:
        yield
    finally:
        process.kill()
        process.join()


def timed(work: Callable[[], object]) -> float:
    """How many seconds it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


async def compare(settings: AuditSettings) -> None:
    """Compares both logs whole."""
    check = AlterationWatch(settings)
    await check.compare()
    await check.close()


@contextmanager
def _unseen(_: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


def measure_hashing(databases: Databases, directory: Path) -> None:
    """Prints facts a second of one process, and the most memory that it took."""
    facts, seconds = read_and_decode(databases.owner_url)
    limit = facts / seconds
    print(f"read and decode: {limit:,.0f} facts/s")
    settings = settings_for(databases.owner_url, directory)
    works: dict[str, Callable[[], object]] = {
        "seal": lambda: asyncio.run(Sealer(settings).seal_everything()),
        "compare whole": lambda: asyncio.run(compare(settings)),
        "export": lambda: write_export(settings, None, None, directory / "export.tar.gz", _unseen),
    }
    for name, work in works.items():
        rate = facts / timed(work)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"{name}: {rate:,.0f} facts/s = {rate / limit:.2f} of the limit, {memory} MiB")
    print(f"export: {(directory / 'export.tar.gz').stat().st_size / facts:,.0f} bytes a fact")


def measure_appending(databases: Databases, directory: Path, calls: int, rounds: int) -> None:
    """Prints appends a second with and without a sealer."""
    run_id = uuid4().hex[:8]
    rates: dict[str, list[float]] = {"alone": [], "sealed": []}
    with ours(databases.certification_url, lambda n: ConsultantLinked("P1", f"{run_id}-{n}")) as link:
        for _ in range(rounds):
            rates["alone"].append(link(calls, CALLERS))
            with sealing(databases.sealer_url, directory):
                rates["sealed"].append(link(calls, CALLERS))
    alone, sealed = (statistics.median(rates[name]) for name in ("alone", "sealed"))
    print(f"append, {CALLERS} callers: {alone:,.0f}/s; with a sealer {sealed:,.0f}/s = {sealed / alone:.3f}x")


def main() -> None:
    """Starts a server of its own, with fsync on, and measures on it."""
    arguments = options(__doc__, kept=True, facts=1_000_000, calls=4000, rounds=3)
    with server(arguments.data_dir) as databases, temporary_directory("sagecert-bench-") as directory:
        fill(databases, arguments.facts)
        measure_hashing(databases, directory)
        measure_appending(databases, directory, arguments.calls, arguments.rounds)


if __name__ == "__main__":
    main()
