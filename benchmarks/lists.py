"""Lists over very many partners, over HTTP: a first page against one live answer, and tables in rows a second.

`python -m benchmarks.lists [--partners 50000] [--rounds 5] [--data-dir D]`. A history of so many partners is written
and derived. Each figure of a page is a median, next to that of one live answer about a partner of median size, measured
in turns with it. A table is read as fast as it comes; "as of" ones are derived from the log.
"""

import argparse
import asyncio
import statistics
import time
from functools import partial
from pathlib import Path

import httpx
from fastapi import FastAPI

from benchmarks.answers import prepare, settings_for
from benchmarks.portal_change import FACTS_OF_A_PARTNER
from benchmarks.servers import Client, latency_ms, server, serving
from services.compliance.app import create_app
from services.host.api_keys.key_ring import NO_KEYS
from services.host.gateway import Gateway
from services.host.wall_clock import wall_clock

CALLS = 50
PATH = "/compliance/v1"
THEN = "at=2025-06-01T00:00:00Z&known_at=2025-06-01T00:00:00Z"
PAGES = (
    "partners",
    "partners?status=suspended&status=in_window",
    "windows?status=open",
    "consultants",
    "consultants?certified=false&product=S200P",
    "maintenance",
    f"partners?{THEN}",
    f"consultants?{THEN}",
)
TABLES = ("partners.csv", "windows.csv", "consultants.csv", "maintenance.csv")
TABLE_AS_OF = f"partners.csv?{THEN}"
"""It stops after `SECONDS_MAX`: what was read by then is counted."""
SECONDS_MAX = 20.0


def guarded(url: str) -> Gateway:
    """The compliance service behind the guard."""
    app: FastAPI = create_app(settings_for(url), wall_clock)
    return Gateway({"compliance": app}, keys=NO_KEYS, sandbox=False)


async def measure(port: int, partners: list[str], rounds: int) -> None:
    """Prints the figures."""
    client = await Client.connect(port)
    answers = [f"{PATH}/partners/{partner}/compliance/S200P" for partner in partners]
    taken: dict[str, list[float]] = {name: [] for name in ("answer", *PAGES)}
    for _ in range(rounds):
        taken["answer"].append(await latency_ms(partial(_ask, client, answers), CALLS * 4))
        for page in PAGES:
            calls = 3 if THEN in page else CALLS
            taken[page].append(await latency_ms(partial(_ask, client, [f"{PATH}/{page}"]), calls))
    answer = statistics.median(taken["answer"])
    print(f"one live answer: {answer:.2f} ms")
    for page in PAGES:
        median = statistics.median(taken[page])
        print(f"first page of {page}: {median:.2f} ms = {median / answer:.1f}x")
    for table in (*TABLES, TABLE_AS_OF):
        rows, seconds, whole = await _read(port, f"{PATH}/{table}")
        print(f"{table}: {rows:,} rows in {seconds:.1f} s{'' if whole else ', cut off'} = {rows / seconds:,.0f} rows/s")


async def _ask(client: Client, paths: list[str], turn: int) -> bytes:
    return await client.get(paths[turn % len(paths)])


async def _read(port: int, path: str) -> tuple[int, float, bool]:
    """How many rows a table has, how long it took, and whether it was read to its end."""
    rows, started = -1, time.perf_counter()
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
        http.stream("GET", path) as response,
    ):
        response.raise_for_status()
        async for part in response.aiter_bytes():
            rows += part.count(b"\r\n")
            if time.perf_counter() - started > SECONDS_MAX:
                return rows, time.perf_counter() - started, False
    return rows, time.perf_counter() - started, True


def main() -> None:
    """Starts a server of its own and measures on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partners", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data-dir", type=Path, help="keeps the server's data, to be measured on again")
    arguments = parser.parse_args()
    with server(arguments.data_dir) as databases:
        partners = prepare(databases, arguments.partners * FACTS_OF_A_PARTNER)
        with serving(guarded, databases.compliance_url) as port:
            asyncio.run(measure(port, partners, arguments.rounds))


if __name__ == "__main__":
    main()
