"""Lists over very many partners, over HTTP: a page against one live answer, and tables in rows a second.

`python -m benchmarks.lists [--partners 50000] [--rounds 5] [--data-dir D]`. A history of so many partners is written
and derived, and all have names. Every filter is asked with, alone and with others. Each figure of a page is a median,
next to that of one live answer about a partner of median size, measured in turns with it. A table is read as fast as
it comes; "as of" ones are derived from the log.
"""

import asyncio
import statistics
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import httpx
import psycopg

from benchmarks.answers import prepare
from benchmarks.command_line import options
from benchmarks.portal_change import FACTS_OF_A_PARTNER
from benchmarks.servers import Client, compliance, latency_ms, server, serving

CALLS = 50
PATH = "/compliance/v1"
THEN = "at=2025-06-01T00:00:00Z&known_at=2025-06-01T00:00:00Z"
PAGES = (
    "partners",
    "partners?product=S200P",
    "partners?after={partner}~S200P",
    "partners?status=compliant",
    "partners?status=suspended",
    "partners?status=in_window",
    "partners?status=not_enrolled",
    "partners?status=suspended&status=in_window",
    "partners?status=suspended&status=in_window&status=compliant&product=S200S",
    "windows",
    "windows?product=S200P",
    "windows?status=open",
    "windows?status=closed",
    "windows?status=expired",
    "windows?status=closed_late",
    "windows?status=void",
    "windows?status=open&due_before={soon}&product=S200P",
    "consultants",
    "consultants?after={partner}~S200P",
    "consultants?product=S200P",
    "consultants?certified=true",
    "consultants?certified=false",
    "consultants?certified=true&product=S200P",
    "consultants?certified=false&product=S200P",
    "consultants?partner_id={partner}",
    "consultants?partner_id={partner}&certified=false&q=a",
    "partners/{partner}/consultants",
    "maintenance",
    "maintenance?product=S200S",
    "maintenance?due_before={soon}",
    "maintenance?portal_change_id={first_change}",
    "maintenance?portal_change_id={last_change}",
    "maintenance?portal_change_id={last_change}&product=S200P",
    "maintenance?partner_id={partner}",
    "maintenance?partner_id={partner}&portal_change_id={last_change}",
    "partners?q=P12345",
    "partners?q=P1",
    "partners?q=cedar",
    "partners?q=cedar%20systems%2012345",
    "partners?q=qx",
    "partners?q=a&status=suspended",
    "consultants?q=C12345-0",
    "consultants?q=C1",
    "consultants?q=ann",
    "consultants?q=ann%20moore%2012345",
    "consultants?q=qx",
    "consultants?q=a&certified=false&product=S200P",
    f"partners?{THEN}",
    f"consultants?{THEN}",
    f"partners?q=P12345&{THEN}",
)
TABLES = ("partners.csv", "windows.csv", "consultants.csv", "maintenance.csv")
TABLE_AS_OF = f"partners.csv?{THEN}"
"""It stops after `SECONDS_MAX`: what was read by then is counted."""
SECONDS_MAX = 20.0

NAMES = """
    INSERT INTO certification.partner_profile (partner_id, name)
    SELECT partner_id, (ARRAY['Cedar', 'Birch', 'Harbour', 'North Sea', 'Müller', 'Blue', 'Lime', 'Forge'])[1 + n % 8]
        || ' ' || (ARRAY['Systems', 'Consulting', 'Software', 'Group'])[1 + n % 4] || ' ' || n || ' Ltd'
    FROM (SELECT partner_id, substr(partner_id, 2)::int AS n FROM compliance.mentioned_partner) one
    ON CONFLICT DO NOTHING;
    INSERT INTO certification.profile (consultant_id, name, email)
    SELECT consultant_id, (ARRAY['Ann', 'Ben', 'Chloë', 'Dev', 'Eva', 'Farah', 'Gil', 'Hana', 'Ivo'])[1 + n % 9] || ' '
        || (ARRAY['Moore', 'Okafor', 'Sørensen', 'Patel', 'Lee', 'Novák', 'Ito'])[1 + n % 7] || ' ' || n, ''
    FROM (SELECT consultant_id, split_part(substr(consultant_id, 2), '-', 1)::int AS n
          FROM compliance.mentioned_consultant) one
    ON CONFLICT DO NOTHING;
    ANALYZE certification.partner_profile, certification.profile
"""
"""A few common words and a number for each."""


_CHANGES: Final = """
    SELECT portal_change_id FROM compliance.maintenance_duty WHERE owed_until IS NULL
    GROUP BY due_on, portal_change_id ORDER BY due_on, portal_change_id
"""


def pages_of(owner_url: str, partners: list[str]) -> list[str]:
    """The pages to ask for: with a partner of median size in the middle of all, and portal changes that are due."""
    with psycopg.connect(owner_url) as owner:
        changes = [change for (change,) in owner.execute(_CHANGES)] or ["none"]
    soon = datetime.now(UTC).date() + timedelta(days=14)
    named = {"partner": sorted(partners)[len(partners) // 2], "soon": soon, "first_change": changes[0]}
    return [page.format(**named, last_change=changes[-1]) for page in PAGES]


async def measure(port: int, partners: list[str], pages: list[str], rounds: int) -> None:
    """Prints the figures."""
    client = await Client.connect(port)
    answers = [f"{PATH}/partners/{partner}/compliance/S200P" for partner in partners]
    taken: dict[str, list[float]] = {name: [] for name in ("answer", *pages)}
    for _ in range(rounds):
        taken["answer"].append(await latency_ms(partial(client.get_in_turn, answers), CALLS * 4))
        for page in pages:
            calls = 3 if THEN in page else CALLS
            taken[page].append(await latency_ms(partial(client.get_in_turn, [f"{PATH}/{page}"]), calls))
    answer = statistics.median(taken["answer"])
    print(f"one live answer: {answer:.2f} ms")
    medians = {page: statistics.median(taken[page]) for page in pages}
    for page, median in medians.items():
        print(f"page of {page}: {median:.2f} ms = {median / answer:.1f}x")
    worst = max((page for page in pages if THEN not in page), key=medians.__getitem__)
    print(f"the worst of the present: {worst}: {medians[worst] / answer:.1f}x")
    for table in (*TABLES, TABLE_AS_OF):
        rows, seconds, whole = await _read(port, f"{PATH}/{table}")
        print(f"{table}: {rows:,} rows in {seconds:.1f} s{'' if whole else ', cut off'} = {rows / seconds:,.0f} rows/s")


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
    arguments = options(__doc__, kept=True, partners=50_000, rounds=5)
    with server(arguments.data_dir) as databases:
        partners = prepare(databases, arguments.partners * FACTS_OF_A_PARTNER)
        with psycopg.connect(databases.owner_url, autocommit=True) as owner:
            owner.execute(NAMES)
        with serving(compliance, databases.compliance_url) as port:
            asyncio.run(measure(port, partners, pages_of(databases.owner_url, partners), arguments.rounds))


if __name__ == "__main__":
    main()
