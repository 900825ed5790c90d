"""Pages of the console over HTTP, each against the JSON answers that it shows, asked one after the other.

`python -m benchmarks.console [--facts 1000000] [--rounds 5] [--data-dir D]`. One process serves both. Page and answers
take turns; medians of a call, and their ratio. The partners are of median size. Then the
system is started `STARTS` times for each page, which is the first that it serves; the median is shown.
"""

import asyncio
import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cryptography.fernet import Fernet
from pydantic import SecretStr

from benchmarks.answers import prepare
from benchmarks.command_line import options
from benchmarks.servers import Client, latency_ms, server, serving
from services.console.dates import last_monday
from services.console.pages.today import NEWS
from services.host import system
from services.host.database_urls_and_roles import Databases
from services.host.gateway import Gateway
from tests.temporary_directory import temporary_directory

CALLS = 20
STARTS = 3
C = "/compliance/v1"
NOW = datetime.now(UTC)
SINCE = "&".join(f"recorded_from={day}" for day in dict.fromkeys((NOW.date() - timedelta(days=1), last_monday(NOW))))
EVENTS = "&".join(f"type={name}" for name in NEWS)


class Shown(NamedTuple):
    """A page and the answers that it shows; `{partner}` and `{person}` stand for one."""

    page: str
    answers: tuple[str, ...]


PAGES = (
    Shown(
        "/",
        (
            f"{C}/totals?first=8",
            "/certification/v1/held-facts?limit=8",
            f"{C}/webhook-endpoints",
            f"{C}/recorded-events/counts?{SINCE}&{EVENTS}&newest=6",
        ),
    ),
    Shown("/facts-without-effect", (f"{C}/facts-without-effect?limit=25&order=newest",)),
    Shown("/partners", (f"{C}/partners?limit=50",)),
    Shown("/partners?status=suspended", (f"{C}/suspensions?limit=50",)),
    Shown(
        "/partners/{partner}",
        tuple(f"{C}/partners/{{partner}}{part}" for part in ("", "/standings", "/timeline", "/consultants?limit=50")),
    ),
    Shown("/people", (f"{C}/consultants?limit=50",)),
    Shown(
        "/people/{person}",
        (
            f"{C}/consultants/{{person}}/certifications",
            "/certification/v1/recorded-facts?consultant_id={person}&limit=200",
            "/certification/v1/exam-registrations?consultant_id={person}&limit=25",
        ),
    ),
    Shown("/policy", (f"{C}/policy", "/certification/v1/recorded-facts?type=policy-revised&limit=50")),
    Shown("/log", ("/certification/v1/recorded-facts?limit=50",)),
    Shown("/webhooks", (f"{C}/webhook-endpoints?limit=50",)),
    Shown(
        "/audit-trail?partner_id={partner}", ("/audit/v1/what-ifs", "/audit/v1/claims?partner_id={partner}&limit=50")
    ),
    Shown("/system", (f"{C}/processes", "/certification/readyz", "/compliance/readyz", "/audit/readyz")),
)


def whole(databases: Databases, directory: Path) -> Gateway:
    """The system with its console, as `sagecert up` serves it on loopback."""
    key = SecretStr(Fernet.generate_key().decode())
    chosen = system.settings(databases, sandboxed=False, webhook_key=lambda: key, data_directory=directory)
    return system.create(chosen, databases.owner_url, bootstrap=None, keyless=True)


class Named(NamedTuple):
    """Whom the paths can name, by turns."""

    partners: list[str]
    people: list[str]

    def fill(self, path: str, turn: int) -> str:
        """The path about those whose turn it is."""
        return path.format(
            partner=self.partners[turn % len(self.partners)], person=self.people[turn % len(self.people)]
        )


async def measure(port: int, partners: list[str], rounds: int) -> Named:
    """Prints the figures of pages that follow others."""
    client = await Client.connect(port)
    listed = json.loads(await client.get(f"{C}/consultants?limit=200&certified=true"))
    named = Named(partners, [row["consultant_id"] for row in listed["consultants"]])
    for shown in PAGES:
        pages: list[float] = []
        answers: list[float] = []
        for _ in range(rounds):
            pages.append(await latency_ms(partial(_ask, client, (shown.page,), named), CALLS))
            answers.append(await latency_ms(partial(_ask, client, shown.answers, named), CALLS))
        page, answer = statistics.median(pages), statistics.median(answers)
        what = "1 answer" if len(shown.answers) == 1 else f"{len(shown.answers)} answers"
        print(f"{shown.page}: {page:.1f} ms, {what}: {answer:.1f} ms = {page / answer:.2f}x", flush=True)
    return named


async def _ask(client: Client, paths: tuple[str, ...], named: Named, turn: int) -> None:
    for path in paths:
        await client.get(named.fill(path, turn))


async def first_ms(port: int, path: str) -> float:
    """How long the first page takes that a system is asked for."""
    client = await Client.connect(port)
    started = time.perf_counter()
    await client.get(path)
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    """Starts servers of its own and measures on them."""
    arguments = options(__doc__, kept=True, facts=1_000_000, rounds=5)
    with (
        server(arguments.data_dir) as databases,
        temporary_directory("sagecert-bench-") as directory,
    ):
        partners = prepare(databases, arguments.facts)
        with serving(whole, databases, directory) as port:
            named = asyncio.run(measure(port, partners, arguments.rounds))
        for shown in PAGES:
            taken = []
            for turn in range(STARTS):
                with serving(whole, databases, directory) as port:
                    taken.append(asyncio.run(first_ms(port, named.fill(shown.page, turn))))
            print(f"{shown.page}, the first page after a start: {statistics.median(taken):.0f} ms", flush=True)


if __name__ == "__main__":
    main()
