"""What recording claims costs: live authorisations with every answer recorded, against none.

`python -m benchmarks.claims [--facts 100000] [--rounds 5]`. Both applications are one uvicorn process on the same
database. The one that records remembers nothing, so that every answer is written, which is more than any real load
asks for. Rounds alternate; medians.
"""

import asyncio
import statistics

import psycopg

from benchmarks.command_line import options
from benchmarks.servers import fill, rate, server, serving
from services.compliance.app import create_app
from services.compliance.claims import claim_recorder
from services.compliance.projection import rebuild
from services.compliance.settings import ComplianceSettings
from services.host.api_keys.key_ring import NO_KEYS
from services.host.database_urls_and_roles import Databases
from services.host.gateway import Gateway
from services.host.wall_clock import wall_clock

CONNECTIONS = 8
SECONDS = 3.0
PARTNERS_MAX = 2_000

_EMPTY = """
    ALTER TABLE audit.claim DISABLE TRIGGER append_only;
    TRUNCATE audit.claim;
    ALTER TABLE audit.claim ENABLE ALWAYS TRIGGER append_only
"""


def recording(url: str) -> Gateway:
    """The compliance service; it records every answer."""
    claim_recorder.REMEMBERED_MAX = 0  # type: ignore[misc]  # in a process of its own
    return _gateway({"database_url": url})


def silent(url: str) -> Gateway:
    """The compliance service; it records no answer."""
    return _gateway({"database_url": url, "claim_queue_max": 0})


def _gateway(settings: dict[str, object]) -> Gateway:
    app = create_app(ComplianceSettings.model_validate(settings), wall_clock)
    return Gateway({"compliance": app}, keys=NO_KEYS, sandbox=False)


def prepare(databases: Databases, facts: int) -> list[str]:
    """Fills the database and derives it; returns what is asked."""
    fill(databases, facts)
    settings = ComplianceSettings.model_validate({"database_url": databases.compliance_url})
    rebuild.run(settings, databases.owner_url, verify=False)
    with psycopg.connect(databases.owner_url, autocommit=True) as owner:
        partners = owner.execute(
            "SELECT DISTINCT partner_id FROM compliance.standing ORDER BY partner_id LIMIT %s", [PARTNERS_MAX]
        ).fetchall()
    return [
        f"/compliance/v1/partners/{partner_id}/authorisations/{product}?customer={customer}"
        for product in ("S200P", "S200S")
        for customer in ("new", "existing")
        for (partner_id,) in partners
    ]


async def measure(owner_url: str, ports: dict[str, int], paths: list[str], rounds: int) -> None:
    """Prints the figures."""
    rates: dict[str, list[float]] = {name: [] for name in ports}
    recorded = []
    with psycopg.connect(owner_url, autocommit=True) as owner:
        for number in range(2 * rounds):
            name = list(ports)[number % 2]
            rates[name].append(await rate(ports[name], paths, CONNECTIONS, SECONDS))
            if name == "recording":
                await asyncio.sleep(1)
                row = owner.execute("SELECT count(*) FROM audit.claim").fetchone()
                recorded.append(row[0] if row else 0)
                owner.execute(_EMPTY)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ratio = medians["recording"] / medians["silent"]
    print(
        f"live authorisations: none recorded {medians['silent']:,.0f}/s; every one {medians['recording']:,.0f}/s"
        f" = {ratio:.3f}x; claims recorded a round: {statistics.median(recorded):,.0f}"
    )


def main() -> None:
    """Starts a server of its own and measures on it."""
    arguments = options(__doc__, kept=True, facts=100_000, rounds=5)
    with server(arguments.data_dir) as databases:
        paths = prepare(databases, arguments.facts)
        with (
            serving(silent, databases.compliance_url) as silent_port,
            serving(recording, databases.compliance_url) as recording_port,
        ):
            ports = {"silent": silent_port, "recording": recording_port}
            asyncio.run(measure(databases.owner_url, ports, paths, arguments.rounds))


if __name__ == "__main__":
    main()
