"""Proofs and explanations over HTTP, each against an as-of answer about the same partner.

`python -m benchmarks.proofs [--facts 1000000] [--rounds 5] [--data-dir D]`. The whole system in one process, over a log
that is sealed. An explanation carries the sealed text of its facts and the proof of each. The three take turns; medians
of a call, and their ratio. The partners are of median size.
"""

import asyncio
import statistics
from functools import partial

import psycopg

from benchmarks.answers import prepare
from benchmarks.command_line import options
from benchmarks.console import whole
from benchmarks.sealing import settings_for
from benchmarks.servers import Client, latency_ms, server, serving
from services.audit.sealer import Sealer
from services.host.database_urls_and_roles import Databases
from tests.temporary_directory import temporary_directory

CALLS = 100
AS_OF = "at=2025-12-20T00:00:00Z&known_at=2025-12-20T00:00:00Z"
_FACTS = "SELECT min(fact_id) FROM certification.stored_events WHERE partner_id = ANY(%s) GROUP BY partner_id"


def facts_of(databases: Databases, partners: list[str]) -> list[str]:
    """The ids of a fact about each partner."""
    with psycopg.connect(databases.owner_url) as owner:
        return [fact_id for (fact_id,) in owner.execute(_FACTS, [partners])]


async def measure(port: int, partners: list[str], facts: list[str], rounds: int) -> None:
    """Prints the figures."""
    client = await Client.connect(port)
    paths = {
        "as-of answer": [f"/compliance/v1/partners/{partner}/compliance/S200P?{AS_OF}" for partner in partners],
        "explanation": [f"/audit/v1/explanations/partners/{partner}/S200P?{AS_OF}" for partner in partners],
        "proof of a fact": [f"/certification/v1/facts/{fact_id}/proof" for fact_id in facts],
    }
    taken: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(rounds):
        for name, asked in paths.items():
            taken[name].append(await latency_ms(partial(client.get_in_turn, asked), CALLS))
    as_of = statistics.median(taken["as-of answer"])
    for name, rounds_ms in taken.items():
        median = statistics.median(rounds_ms)
        print(f"{name}: {median:.2f} ms = {median / as_of:.2f}x")


def main() -> None:
    """Starts a server of its own and measures on it."""
    arguments = options(__doc__, kept=True, facts=1_000_000, rounds=5)
    with server(arguments.data_dir) as databases, temporary_directory("sagecert-bench-") as temporary:
        directory = arguments.data_dir or temporary  # a kept database is sealed with a kept key
        partners = prepare(databases, arguments.facts)
        asyncio.run(Sealer(settings_for(databases.sealer_url, directory / "audit")).seal_everything())
        facts = facts_of(databases, partners)
        with serving(whole, databases, directory) as port:
            asyncio.run(measure(port, partners, facts, arguments.rounds))


if __name__ == "__main__":
    main()
