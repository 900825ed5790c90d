"""`sagecert status`: the progress of a database."""

import json
from pathlib import Path

import click

from services.cli.error_messages import friendly_errors
from services.cli.options import json_option, running_data_directory_option

STATUS = """
    SELECT c.now, c.running AS clock_running, r.sandbox,
        (SELECT coalesce(max(notification_id), 0) FROM certification.stored_events) AS facts,
        p.position AS applied, p.known_through, p.policy_version
    FROM certification.clock() c, certification.recording r, compliance.progress p
"""

REBUILD = (
    "The read model is of another policy version than this code and no longer follows the facts: "
    "run `sagecert compliance rebuild`, which publishes the corrections."
)


@click.command()
@running_data_directory_option
@json_option
def status(data_directory: Path, as_json: bool) -> None:
    """Show the clock, the facts recorded and applied, and the policy version.

    Reads the database that SAGECERT_OWNER_DATABASE_URL names, or that of a running `sagecert up`. `policy_version` is
    that of the read model, `code_policy_version` that of this code with the products of SAGECERT_PRODUCTS.
    """
    with friendly_errors():
        import psycopg
        from psycopg.rows import dict_row
        from pydantic import SecretStr

        from services.cli.database_url import owner_url
        from services.cli.settings import SystemSettings
        from services.compliance.settings import ComplianceSettings

        url = owner_url(SystemSettings(), data_directory)
        code_version = ComplianceSettings(database_url=SecretStr(url)).parameters.version
        with psycopg.connect(url, row_factory=dict_row) as connection:
            found = connection.execute(STATUS).fetchone() or {}
    shown = {name: getattr(value, "isoformat", lambda value=value: value)() for name, value in found.items()}
    shown["code_policy_version"] = code_version
    if shown.get("policy_version") not in ("", code_version):
        shown["advice"] = REBUILD
    click.echo(json.dumps(shown) if as_json else "\n".join(f"{name:20} {value}" for name, value in shown.items()))
