"""`sagecert status`: the progress of a database."""

import json
from pathlib import Path

import click

from services.cli.error_messages import friendly_errors
from services.cli.options import json_option, running_data_directory_option

STATUS = """
    SELECT c.now, c.running AS clock_running, r.sandbox,
        (SELECT coalesce(max(notification_id), 0) FROM certification.stored_events) AS facts,
        p.position AS applied, p.known_through, p.engine_id AS derived_by,
        (SELECT e.engine_id FROM certification.engine() e) AS engine
    FROM certification.clock() c, certification.recording r, compliance.progress p
"""

MIGRATE = "Another engine than that of this code is installed, and this code decides nothing: run `sagecert migrate`."
REBUILD = (
    "Another engine than the one installed derived the read model, which no longer follows the facts: "
    "run `sagecert compliance rebuild`, which publishes the corrections."
)


@click.command()
@running_data_directory_option
@json_option
def status(data_directory: Path, as_json: bool) -> None:
    """Show the clock, the facts recorded and applied, and the engine.

    Reads the database that SAGECERT_OWNER_DATABASE_URL names, or that of a running `sagecert up`. `engine` is the one
    installed, `derived_by` that of the read model, `engine_of_this_code` that of this code with SAGECERT_PRODUCTS.
    """
    with friendly_errors():
        import psycopg
        from psycopg.rows import dict_row

        from services.cli.database_url import owner_url
        from services.cli.settings import SystemSettings
        from shared.engine import engine_for

        own = engine_for(SystemSettings().products).engine_id
        with psycopg.connect(owner_url(data_directory), row_factory=dict_row) as connection:
            found = connection.execute(STATUS).fetchone() or {}
    shown = {name: getattr(value, "isoformat", lambda value=value: value)() for name, value in found.items()}
    shown["engine_of_this_code"] = own
    if shown.get("engine") not in (None, own):
        shown["advice"] = MIGRATE
    elif shown.get("derived_by") not in ("", own):
        shown["advice"] = REBUILD
    click.echo(json.dumps(shown) if as_json else "\n".join(f"{name:20} {value}" for name, value in shown.items()))
