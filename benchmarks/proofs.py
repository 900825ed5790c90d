"""Proofs and explanations over HTTP, each against an as-of answer about the same partner.

`python -m benchmarks.proofs [--facts 1000000] [--rounds 3] [--data-dir D]`. The whole system in one process, a new one
for each round, over a log that is sealed. Five questions about each partner take turns: the answer, why without proofs,
why with the sealed text and the proof of each fact, the same again within the minute, and the proof of a fact. Medians
and ratios. The partners are of median size, and asked about once in a round.
"""

import asyncio
import statistics
import time

import psycopg

from benchmarks.answers import prepare
from benchmarks.command_line import options
from benchmarks.console import whole
from benchmarks.sealing import settings_for
from benchmarks.servers import Client, server, serving
from services.audit.sealer import Sealer
from services.host.database_urls_and_roles import Databases
from tests.temporary_directory import temporary_directory

AS_OF = "at=2025-12-20T00:00:00Z&known_at=2025-12-20T00:00:00Z"
_FACTS = "SELECT min(fact_id) FROM certification.stored_events WHERE partner_id = ANY(%s) GROUP BY partner_id"


def facts_of(databases: Databases, partners: list[str]) -> list[str]:
    """The ids of a fact about each partner."""
    with psycopg.connect(databases.owner_url) as owner:
        return [fact_id for (fact_id,) in owner.execute(_FACTS, [partners])]


async def ask_all(port: int, partners: list[str], facts: list[str], taken: dict[str, list[float]]) -> list[int]:
    """Adds how long each call takes, in milliseconds, and returns how many facts each explanation proves."""
    client, proved = await Client.connect(port), list[int]()
    for partner in partners:  # what the database and the processes keep of a partner is there for every question
        await client.get(f"/compliance/v1/partners/{partner}/compliance/S200P?{AS_OF}")
    for partner, fact_id in zip(partners, facts, strict=False):
        explanation = f"/audit/v1/explanations/partners/{partner}/S200P?{AS_OF}"
        asked = {
            "as-of answer": f"/compliance/v1/partners/{partner}/compliance/S200P?{AS_OF}",
            "explanation, proofs=none": f"{explanation}&proofs=none",
            "explanation": explanation,
            "explanation, again": explanation,
            "proof of a fact": f"/certification/v1/facts/{fact_id}/proof",
        }
        for name, path in asked.items():
            started = time.perf_counter()
            body = await client.get(path)
            taken.setdefault(name, []).append(1000 * (time.perf_counter() - started))
            if name == "explanation":
                proved.append(body.count(b'"tlog_proof":"'))
    return proved


def main() -> None:
    """Starts a server of its own and measures on it."""
    arguments = options(__doc__, kept=True, facts=1_000_000, rounds=3)
    with server(arguments.data_dir) as databases, temporary_directory("sagecert-bench-") as temporary:
        directory = arguments.data_dir or temporary  # a kept database is sealed with a kept key
        partners = prepare(databases, arguments.facts)
        asyncio.run(Sealer(settings_for(databases.sealer_url, directory / "audit")).seal_everything())
        facts = facts_of(databases, partners)
        taken: dict[str, list[float]] = {}
        for _ in range(arguments.rounds):
            with serving(whole, databases, directory) as port:
                proved = asyncio.run(ask_all(port, partners, facts, taken))
    medians = {name: statistics.median(calls) for name, calls in taken.items()}
    for name, median in medians.items():
        print(f"{name}: {median:.2f} ms = {median / medians['as-of answer']:.2f}x")
    print(f"facts proved in an explanation: {statistics.median(proved):.0f}, at most {max(proved)}")


if __name__ == "__main__":
    main()
