"""How long a portal change for very many partners takes until it is applied, against deriving as many from nothing.

`python -m benchmarks.portal_change [--partners 50000] [--data-dir D]`. A history of so many partners is written and
derived; then a significant change is posted, and the follower tells every partner. The limit is a rebuild of the same
log on all cores, which derives every partner too and reads and writes far more.
"""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import uvloop

from benchmarks.command_line import options
from benchmarks.servers import Client, certification, fill, following, server, serving, settings_for
from services.compliance.database import connect
from services.compliance.projection import rebuild
from services.host.database_urls_and_roles import Databases

FACTS_OF_A_PARTNER = 91
"""About, in the history that `fill` writes."""

_APPLIED = "SELECT position FROM progress"
_LIVING = "SELECT count(*) FROM heartbeat"
_TOLD = "SELECT count(*) FROM compliance_event WHERE fact_position = $1"


async def apply(port: int, compliance_url: str) -> tuple[int, float]:
    """How many partners were told of a change, and after how many seconds all of them were.

    The service and the follower are there before.
    """
    client, connection = await Client.connect(port), await connect(settings_for(compliance_url), patient=True)
    await client.get("/certification/healthz")
    while True:
        if await connection.fetchval(_LIVING):
            break
        await asyncio.sleep(0.1)
    due_on = (datetime.now(UTC) + timedelta(days=120)).date().isoformat()
    change_id = f"change-{time.time_ns()}"
    body = {
        "portal_change_id": change_id,
        "products": ["S200P", "S200S"],
        "significant": True,
        "due_on": due_on,
        "summary": "A new portal",
    }
    started = time.perf_counter()
    answered = await client.post("/certification/v1/portal-changes", change_id, json.dumps(body).encode())
    position = json.loads(answered)["position"]
    while True:
        if (await connection.fetchval(_APPLIED) or 0) >= position:
            seconds = time.perf_counter() - started
            return await connection.fetchval(_TOLD, position), seconds
        await asyncio.sleep(0.1)


def measure(databases: Databases, partners: int) -> None:
    """Prints the figures."""
    fill(databases, partners * FACTS_OF_A_PARTNER)
    started = time.perf_counter()
    rebuilt = rebuild.run(settings_for(databases.compliance_url), databases.owner_url, verify=False)
    limit = rebuilt.partners / (time.perf_counter() - started)
    with following(databases.follower_url), serving(certification, databases.certification_url) as port:
        told, seconds = uvloop.run(apply(port, databases.compliance_url))
    print(f"a portal change was applied in {seconds:.1f} s: {told:,} of {rebuilt.partners:,} partners told", end="")
    print(f" ({rebuilt.partners / seconds:,.0f} partners/s; a rebuild derives {limit:,.0f}/s)")


def main() -> None:
    """Starts a server of its own and measures on it."""
    arguments = options(__doc__, kept=True, partners=50_000)
    with server(arguments.data_dir) as databases:
        measure(databases, arguments.partners)


if __name__ == "__main__":
    main()
