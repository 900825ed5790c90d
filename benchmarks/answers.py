"""Answers over HTTP: the live one against a bare endpoint with one primary-key SELECT, as-of against live.

`python -m benchmarks.answers [--facts 1000000] [--rounds 5] [--data-dir D]`. Each application is one uvicorn
process with the same loop, parser and pool; the bare one sends the same bytes. Rounds alternate; medians.
"""

import asyncio
import statistics
from functools import partial

import psycopg
from fastapi import FastAPI, Request
from starlette.responses import Response

from benchmarks.bare import bare_application
from benchmarks.command_line import options
from benchmarks.servers import Client, compliance, fill, latency_ms, rate, server, serving, settings_for
from services.compliance.projection import rebuild
from services.host.database_urls_and_roles import Databases

CONNECTIONS = 8
SECONDS = 3.0
CALLS = 400

_MEDIAN = """
    SELECT partner_id FROM (
        SELECT partner_id, ntile(2) OVER (ORDER BY count(*)) AS half, count(*) AS facts
        FROM certification.stored_events
        WHERE partner_id IS NOT NULL AND recorded_at < '2025-12-01' GROUP BY 1) sized
    WHERE half = 1 AND EXISTS (SELECT FROM bare.answer a WHERE a.key = sized.partner_id)
    ORDER BY facts DESC, partner_id LIMIT 200
"""


def bare(url: str) -> FastAPI:
    """What one would write first: a path parameter, one row by its primary key, its bytes."""

    app = bare_application(url, (0, 10))

    @app.get("/bare/{key}")
    async def read(request: Request, key: str) -> Response:
        row = await request.app.state.pool.fetchrow("SELECT answer FROM bare.answer WHERE key = $1", key)
        return Response(row["answer"], media_type="application/json")

    return app


def prepare(databases: Databases, facts: int) -> list[str]:
    """Fills the database and derives it; returns partners of median size."""
    fill(databases, facts)
    rebuild.run(settings_for(databases.compliance_url), databases.owner_url, verify=False)
    with psycopg.connect(databases.owner_url, autocommit=True) as owner:
        owner.execute("DROP SCHEMA IF EXISTS bare CASCADE")
        owner.execute("CREATE SCHEMA bare")
        owner.execute('CREATE TABLE bare.answer (key text COLLATE "C" PRIMARY KEY, answer bytea NOT NULL)')
        owner.execute(
            "INSERT INTO bare.answer SELECT partner_id, convert_to(repeat(' ', 150), 'UTF8') || body"
            " FROM compliance.standing WHERE product = 'S200P' ON CONFLICT DO NOTHING"
        )
        owner.execute("VACUUM (ANALYZE) bare.answer")
        return [partner_id for (partner_id,) in owner.execute(_MEDIAN)]


async def measure(bare_port: int, real_port: int, partners: list[str], rounds: int) -> None:
    """Prints the figures."""
    keys = [f"/bare/{partner}" for partner in partners]
    live = [f"/compliance/v1/partners/{partner}/compliance/S200P" for partner in partners]
    as_of = [f"{path}?at=2025-12-20T00:00:00Z&known_at=2025-12-20T00:00:00Z" for path in live]
    rates: dict[str, list[float]] = {"bare": [], "live": []}
    for _ in range(rounds):
        rates["bare"].append(await rate(bare_port, keys, CONNECTIONS, SECONDS))
        rates["live"].append(await rate(real_port, live, CONNECTIONS, SECONDS))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(
        f"live answer: bare endpoint {medians['bare']:,.0f}/s; ours {medians['live']:,.0f}/s"
        f" = {medians['live'] / medians['bare']:.2f}x"
    )
    client = await Client.connect(real_port)
    taken: dict[str, list[float]] = {"live": [], "as of": []}
    for _ in range(rounds):
        for name, paths in (("live", live), ("as of", as_of)):
            taken[name].append(await latency_ms(partial(client.get_in_turn, paths), CALLS))
    present, past = statistics.median(taken["live"]), statistics.median(taken["as of"])
    print(f"as-of answer, median partner: live {present:.2f} ms; as of {past:.2f} ms = {past / present:.1f}x")


def main() -> None:
    """Starts a server of its own and measures on it."""
    arguments = options(__doc__, kept=True, facts=1_000_000, rounds=5)
    with server(arguments.data_dir) as databases:
        partners = prepare(databases, arguments.facts)
        with (
            serving(bare, databases.owner_url) as bare_port,
            serving(compliance, databases.compliance_url) as real_port,
        ):
            asyncio.run(measure(bare_port, real_port, partners, arguments.rounds))


if __name__ == "__main__":
    main()
