"""Commands of the audit trail."""

import click

from services.cli.error_messages import friendly_errors
from services.cli.options import host_option, json_option, port_option
from services.cli.output import progress


@click.group()
def audit() -> None:
    """The audit trail: what is recorded is sealed, witnessed and exported."""


@audit.command("seal")
def seal() -> None:
    """Seal facts and compliance events. Any number may run: one seals a log, the others stand by.

    Needs SAGECERT_SEALER_DATABASE_URL, with the role sagecert_sealer, and SAGECERT_AUDIT_DIRECTORY, which holds the
    signing key.
    """
    with friendly_errors():
        from services.audit.settings import SealerSettings
        from services.host.background_process import seal as keep_sealing

        settings = SealerSettings()
        progress("sealing facts and compliance events; Ctrl-C stops it.")
        keep_sealing(settings)


@audit.command("serve")
@host_option
@port_option(8004)
@json_option
def serve(host: str, port: int, as_json: bool) -> None:
    """Serve /audit/v1; needs SAGECERT_AUDIT_DATABASE_URL, with the role sagecert_auditor."""
    with friendly_errors():
        from services.audit.app import create_app
        from services.audit.settings import AuditSettings
        from services.cli.component_commands import serve_app

        settings = AuditSettings()
        log = (settings.database_url, settings.database_role)
        serve_app("audit", lambda: create_app(settings), log, host, port, as_json)
