"""Pages of the console over HTTP, each against the JSON answers that it shows, asked one after the other.

`python -m benchmarks.console [--facts 1000000] [--rounds 5] [--data-dir D]`. One process serves both. Page and answers
take turns; medians of a call, and their ratio. The partners are of median size.
"""

import asyncio
import statistics
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cryptography.fernet import Fernet
from pydantic import SecretStr

from benchmarks.answers import prepare
from benchmarks.command_line import options
from benchmarks.servers import Client, latency_ms, server, serving
from services.host import system
from services.host.database_urls_and_roles import Databases
from services.host.gateway import Gateway
from tests.temporary_directory import temporary_directory

CALLS = 20
C = "/compliance/v1"
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


class Shown(NamedTuple):
    """A page and the answers that it shows; `{}` stands for a partner."""

    page: str
    answers: tuple[str, ...]


PAGES = (
    Shown(
        "/",
        (
            f"{C}/totals?first=8",
            "/certification/v1/held-facts?limit=8",
            f"{C}/webhook-endpoints",
            f"{C}/recorded-events/counts?recorded_from={YESTERDAY}&newest=6",
        ),
    ),
    Shown("/facts-without-effect", (f"{C}/facts-without-effect?limit=25&order=newest",)),
    Shown("/partners", (f"{C}/partners?limit=50",)),
    Shown("/partners?status=suspended", (f"{C}/suspensions?limit=50",)),
    Shown(
        "/partners/{}",
        tuple(f"{C}/partners/{{}}{part}" for part in ("", "/standings", "/timeline", "/consultants?limit=50")),
    ),
    Shown("/people", (f"{C}/consultants?limit=50",)),
    Shown("/policy", (f"{C}/policy", "/certification/v1/recorded-facts?type=policy-revised&limit=50")),
    Shown("/log", ("/certification/v1/recorded-facts?limit=50",)),
    Shown("/webhooks", (f"{C}/webhook-endpoints?limit=50",)),
)


def whole(databases: Databases, directory: Path) -> Gateway:
    """The system with its console, as `sagecert up` serves it on loopback."""
    key = SecretStr(Fernet.generate_key().decode())
    chosen = system.settings(databases, sandboxed=False, webhook_key=lambda: key, data_directory=directory)
    return system.create(chosen, databases.owner_url, bootstrap=None, keyless=True)


async def measure(port: int, partners: list[str], rounds: int) -> None:
    """Prints the figures."""
    client = await Client.connect(port)
    for shown in PAGES:
        pages: list[float] = []
        answers: list[float] = []
        for _ in range(rounds):
            pages.append(await latency_ms(partial(_ask, client, (shown.page,), partners), CALLS))
            answers.append(await latency_ms(partial(_ask, client, shown.answers, partners), CALLS))
        page, answer = statistics.median(pages), statistics.median(answers)
        what = "1 answer" if len(shown.answers) == 1 else f"{len(shown.answers)} answers"
        print(f"{shown.page}: {page:.1f} ms, {what}: {answer:.1f} ms = {page / answer:.2f}x", flush=True)


async def _ask(client: Client, paths: tuple[str, ...], partners: list[str], turn: int) -> None:
    partner = partners[turn % len(partners)]
    for path in paths:
        await client.get(path.format(partner))


def main() -> None:
    """Starts a server of its own and measures on it."""
    arguments = options(__doc__, kept=True, facts=1_000_000, rounds=5)
    with server(arguments.data_dir) as databases, temporary_directory("sagecert-bench-") as directory:
        partners = prepare(databases, arguments.facts)
        with serving(whole, databases, directory) as port:
            asyncio.run(measure(port, partners, arguments.rounds))


if __name__ == "__main__":
    main()
