"""Verifying an export, as its receiver does: `python -m benchmarks.verification [--facts 1000000] [--file FILE]`.

Measures `sagecert-verify` on all processors, and how fast one processor hashes the entries of the export into the root.
With `--file` an export that is there; otherwise one of a realistic history, derived and sealed first.
"""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from pydantic import SecretStr

from benchmarks.rebuild import rebuild_once
from benchmarks.servers import fill, server
from sagecert_verify.archive import members
from sagecert_verify.merkle import Tree, leaf_hash
from services.audit.sealer import Sealer
from services.audit.settings import AuditSettings
from services.host.export_file import write_export
from tests.temporary_directory import temporary_directory


@contextmanager
def exported(facts: int, directory: Path) -> Iterator[Path]:
    """The export of a realistic history of about so many facts."""
    with server(None) as databases:
        fill(databases, facts)
        rebuild_once(databases.owner_url)
        audit = directory / "audit"
        sealing = AuditSettings(database_url=SecretStr(databases.sealer_url), directory=audit)
        asyncio.run(Sealer(sealing).seal_everything())
        path = directory / "export.tar.gz"
        reading = AuditSettings(database_url=SecretStr(databases.auditor_url), directory=audit)
        write_export(reading, None, None, path, lambda _total: nullcontext(lambda _further: None))
    yield path


def hash_rate(path: Path) -> float:
    """Entries a second that one processor hashes into the root of the log of facts."""
    bundles = [member.content for member in members(path) if member.name.startswith("facts/tile/entries/")]
    started, tree = time.process_time(), Tree()
    for bundle in bundles:
        place = 0
        while place < len(bundle):
            length = int.from_bytes(bundle[place : place + 2], "big")
            tree.append(leaf_hash(bundle[place + 2 : place + 2 + length]))
            place += 2 + length
    tree.root()
    return tree.size / (time.process_time() - started)


def verification_seconds(path: Path) -> float:
    """How long the command takes; what it says is shown. Raises `RuntimeError` unless it derives the export again."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "sagecert_verify", str(path)], capture_output=True, text=True, check=False
    )
    taken = time.perf_counter() - started
    print(done.stdout, end="")
    if done.returncode != 20:
        raise RuntimeError(f"the export is not derived again: {done.returncode}\n{done.stderr}")
    return taken


def _processor_seconds() -> Callable[[], float]:
    """How much time of processors the commands have used since now."""

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = used()
    return lambda: used() - before


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    with temporary_directory("sagecert-bench-") as directory:
        made = nullcontext(arguments.file) if arguments.file else exported(arguments.facts, directory)
        with made as path:
            print(f"export: {path.stat().st_size / 1e6:,.0f} MB; load {os.getloadavg()[0]:.1f}")
            verifying = _processor_seconds()
            taken = verification_seconds(path)
            print(f"verified in {taken:.0f} s on {os.cpu_count()} processors, {verifying():.0f} s of their time")
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"the largest process had {peak:,.0f} MB")
            print(f"one processor hashes {hash_rate(path):,.0f} entries/s")


if __name__ == "__main__":
    main()
