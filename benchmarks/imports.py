"""`sagecert import`: what it takes to read, map and sort a table, in processor time and memory, and then to send it.

`python -m benchmarks.imports [--rows 1000000] [--sent 10000]`. A table of rows is read by a process of its own, against
Python's `csv.DictReader` that reads the same file, and against a table of a tenth. Then facts are imported over HTTP,
against the same facts in batches that are ready to be sent.
"""

import csv
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.command_line import options
from benchmarks.servers import certification, server, serving
from services.cli.import_command import SENT_TOGETHER
from tests.temporary_directory import temporary_directory

ROUNDS: Final = 3
MAPPING: Final = """
[[fact]]
path = "/certification/v1/partners/{partner_id}/consultants"
idempotency_key = "hr-{consultant_id}-{effective_at}"
[fact.values]
partner_id = { column = "Account" }
consultant_id = { column = "Employee" }
effective_at = { column = "Joined", type = "instant", format = "%d/%m/%Y %H:%M" }
"""

_READ: Final = """
import json, resource, sys, time
from pathlib import Path
from services.cli.imports.import_spool import ImportSpool
from services.cli.imports.mapping import load_mapping
from services.cli.imports.table_reader import read_table

table, mapping = Path(sys.argv[1]), load_mapping(Path(sys.argv[2]))
started = time.process_time()
with ImportSpool() as spool:
    for row in read_table(table, mapping):
        for fact in mapping.facts_of(row):
            spool.add(0, fact)
    lines = sum(len(batch) for batch in spool.batches(10_000, 12 << 20))
seconds = time.process_time() - started
print(json.dumps([lines, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))
"""


def write_table(path: Path, rows: int, name: str) -> None:
    """A table of links, the latest first."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("Employee", "Account", "Joined"))
        for number in range(rows, 0, -1):
            day, month, year = 1 + number % 28, 1 + number // 28 % 12, 2001 + number // 336 % 20
            writer.writerow((f"{name}{number}", f"P{number % 50}", f"{day:02}/{month:02}/{year} 09:{number % 60:02}"))


def read(table: Path, mapping: Path) -> tuple[int, float, int]:
    """Rows, seconds of a processor and peak memory in bytes of a process that reads, maps and sorts the table."""
    done = subprocess.run([sys.executable, "-c", _READ, table, mapping], stdout=subprocess.PIPE, check=True)
    rows, seconds, memory = json.loads(done.stdout)
    return rows, seconds, memory


def measure_reading(directory: Path, mapping: Path, rows: int) -> None:
    """Prints rows a second and memory."""
    great, small = directory / "great.csv", directory / "small.csv"
    write_table(great, rows, "C")
    write_table(small, rows // 10, "C")
    started = time.process_time()
    with great.open(encoding="utf-8", newline="") as file:
        for _ in csv.DictReader(file):
            pass
    bare = time.process_time() - started
    _, _, small_memory = read(small, mapping)
    found, seconds, memory = read(great, mapping)
    print(
        f"{found:,} rows ({great.stat().st_size >> 20} MiB) read, mapped and sorted, by processor time: "
        f"{found / seconds:,.0f}/s against {rows / bare:,.0f}/s of csv.DictReader: {bare / seconds:.2f}"
    )
    print(f"memory: {memory >> 20} MiB, of a tenth {small_memory >> 20} MiB: {memory / small_memory:.2f}x")


def measure_sending(directory: Path, mapping: Path, sent: int) -> None:
    """Prints facts a second: the medians of rounds that alternate, after one that is not counted."""
    posts, imports = list[float](), list[float]()
    with server(None) as databases, serving(certification, databases.certification_url) as port:
        url = f"http://127.0.0.1:{port}"
        for number in range(1 + ROUNDS):
            ready, imported = directory / "ready.csv", directory / "imported.csv"
            write_table(ready, sent, f"ready{number}-")
            write_table(imported, sent, f"imported{number}-")
            posts.append(_post_all(url, _lines(ready)))
            imports.append(_import(url, imported, mapping))
    posted, seconds = statistics.median(posts[1:]), statistics.median(imports[1:])
    print(
        f"{sent:,} facts imported, from the start of the command to its end: {sent / seconds:,.0f}/s against "
        f"{sent / posted:,.0f}/s in ready batches: {posted / seconds:.2f}"
    )


def _post_all(url: str, lines: list[dict[str, Any]]) -> float:
    """Seconds that batches of these lines take, as large as those of an import."""
    started = time.perf_counter()
    for start in range(0, len(lines), SENT_TOGETHER):
        _post(url, lines[start : start + SENT_TOGETHER])
    return time.perf_counter() - started


def _import(url: str, table: Path, mapping: Path) -> float:
    """Seconds that the command takes."""
    command = [sys.executable, "-m", "services.cli", "import", str(table), "--mapping", str(mapping), "--url", url]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _lines(table: Path) -> list[dict[str, Any]]:
    with table.open(encoding="utf-8", newline="") as file:
        return [
            {
                "path": f"/certification/v1/partners/{row['Account']}/consultants",
                "idempotency_key": row["Employee"],
                "body": {"consultant_id": row["Employee"], "effective_at": "2020-01-05T09:00:00Z"},
            }
            for row in csv.DictReader(file)
        ]


def _post(url: str, lines: list[dict[str, Any]]) -> None:
    content = "".join(json.dumps(line) + "\n" for line in lines)
    headers = {"Content-Type": "application/x-ndjson"}
    answer = httpx.post(f"{url}/certification/v1/batches", content=content, headers=headers, timeout=600)
    if answer.content.count(b'"status":201') != len(lines):
        raise RuntimeError(answer.text[:1000])


def main() -> None:
    """Measures reading, then sending to a server of its own, with fsync on."""
    arguments = options(__doc__, rows=1_000_000, sent=10_000)
    with temporary_directory("sagecert-bench-") as directory:
        mapping = directory / "mapping.toml"
        mapping.write_text(MAPPING)
        measure_reading(directory, mapping, arguments.rows)
        measure_sending(directory, mapping, arguments.sent)


if __name__ == "__main__":
    main()
