"""Commands for the parts of the system, each a process with its own settings and database role."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from services.cli.error_messages import friendly_errors
from services.cli.fast_startup import starting
from services.cli.options import host_option, json_option, port_option, running_data_directory_option
from services.cli.progress_and_address import announce, progress

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import SecretStr

    from services.compliance.settings import ComplianceSettings


@click.command()
@click.option("--sandbox", is_flag=True, help="Make a new database a sandbox; this cannot be undone.")
def migrate(sandbox: bool) -> None:
    """Upgrade a database to this version, and install its engine.

    Processes of another version, or with other SAGECERT_PRODUCTS, decide nothing from then on. Needs
    SAGECERT_OWNER_DATABASE_URL, with the role that owns the schemas.
    """
    with friendly_errors():
        from services.cli.settings import SystemSettings
        from services.host.migrate import migrate as bring_up_to_date
        from shared.engine import engine_for

        settings = SystemSettings()
        engine = engine_for(settings.products)
        bring_up_to_date(settings.required_owner_url, sandbox=sandbox or settings.sandbox, engine=engine)
        progress("the database is at this version")


@click.group()
def certification() -> None:
    """Certification alone: facts in.

    Needs SAGECERT_CERTIFICATION_DATABASE_URL, with the role sagecert_certification.
    """


@certification.command("serve")
@host_option
@port_option(8001)
@json_option
def serve_certification(host: str, port: int, as_json: bool) -> None:
    """Serve /certification/v1."""
    with starting():
        from services.certification.app import create_app
        from services.certification.settings import CertificationSettings

        settings = CertificationSettings()
        log = (settings.database_url, settings.database_role)
        serve_app("certification", lambda: create_app(settings), log, host, port, as_json)


@click.group()
def compliance() -> None:
    """Compliance alone: answers out.

    `serve` needs SAGECERT_COMPLIANCE_DATABASE_URL, with the role sagecert_compliance.
    """


@compliance.command("serve")
@host_option
@port_option(8002)
@json_option
def serve_compliance(host: str, port: int, as_json: bool) -> None:
    """Serve /compliance/v1."""
    with starting():
        from services.compliance.app import create_app
        from services.compliance.settings import ComplianceSettings
        from services.host.log_check_wiring import fact_proofs
        from services.host.wall_clock import wall_clock

        settings = ComplianceSettings()
        proofs = fact_proofs(settings)
        log = (settings.database_url, settings.database_role)
        serve_app("compliance", lambda: create_app(settings, wall_clock, proofs), log, host, port, as_json)


@compliance.command("work")
def work() -> None:
    """Follow the facts and the clock. Any number may run: one works, the others stand by.

    Needs SAGECERT_FOLLOWER_DATABASE_URL, with the role sagecert_follower.
    """
    with starting():
        from services.compliance.settings import FollowerSettings
        from services.host.background_main import follow

        settings = FollowerSettings()
        progress("following the facts; Ctrl-C stops it.")
        follow(settings)


@compliance.command("dispatch")
def dispatch() -> None:
    """Deliver to webhook endpoints. Any number may run: one at a time delivers to an endpoint.

    Needs SAGECERT_DISPATCHER_DATABASE_URL, with the role sagecert_dispatcher, and SAGECERT_COMPLIANCE_WEBHOOK_KEYS, the
    same list as the service.
    """
    with starting():
        from services.compliance.settings import DispatcherSettings
        from services.host.background_main import dispatch as deliver

        settings = _with_keys(DispatcherSettings())
        progress("delivering to webhook endpoints; Ctrl-C stops it.")
        deliver(settings)


@compliance.command("reseal")
def reseal() -> None:
    """Seal the secrets of webhook endpoints with the first of SAGECERT_COMPLIANCE_WEBHOOK_KEYS.

    Safe while the service and the dispatchers run, if they have the same first key. Exits with 1 if a secret is lost.
    """
    with friendly_errors():
        from services.compliance.settings import ComplianceSettings
        from services.compliance.webhooks.endpoints import secrets

        resealed = asyncio.run(secrets.reseal_secrets(_with_keys(ComplianceSettings())))
    click.echo(f"secrets sealed with the first key: {resealed.secrets}")
    if resealed.lost:
        raise click.ClickException(f"no key opens a secret of {', '.join(resealed.lost)}: rotate, or put its key back.")


@compliance.command("rebuild")
@click.option(
    "--verify", is_flag=True, help="Only compare the result with the tables in use; exits with 1 if they differ."
)
@running_data_directory_option
@json_option
def rebuild(verify: bool, data_directory: Path, as_json: bool) -> None:
    """Derive everything from the facts again.

    Uses all cores while the services go on, and replaces the read model in one transaction. Works on the database that
    SAGECERT_OWNER_DATABASE_URL names, or on that of a running `sagecert up`.
    """
    with friendly_errors():
        from pydantic import SecretStr

        from services.cli.database_url import owner_url
        from services.compliance.projection import rebuild as rebuilding
        from services.compliance.settings import ComplianceSettings
        from services.host.log_check_wiring import log_check
        from services.host.stop_signals import install_signal_handlers

        url = owner_url(data_directory)
        settings = ComplianceSettings(database_url=SecretStr(url))
        install_signal_handlers()
        check = log_check(settings, data_directory)
        rebuilt = rebuilding.run(settings, url, verify=verify, on_progress=progress, check=check)
    if as_json:
        shown = {**rebuilt._asdict(), "known_through": rebuilt.known_through.isoformat()}
        click.echo(json.dumps(shown))
    else:
        click.echo(f"{rebuilt.events} events of {rebuilt.partners} partners, to position {rebuilt.position}")
        if rebuilt.corrections:
            click.echo(f"{rebuilt.corrections} of them correct events of another engine")
        click.echo("\n".join(rebuilt.differences), nl=bool(rebuilt.differences))
    if rebuilt.differences:
        raise click.ClickException("the tables in use differ from the facts: rebuild without --verify.")


@click.group()
def sandbox() -> None:
    """The sandbox of a system whose parts run separately.

    Needs SAGECERT_OWNER_DATABASE_URL, with the role that owns the schemas.
    """


@sandbox.command("serve")
@host_option
@port_option(8003)
@json_option
def serve_sandbox(host: str, port: int, as_json: bool) -> None:
    """Serve /sandbox/v1; needs SAGECERT_SANDBOX=true."""
    with starting():
        from services.cli.settings import SystemSettings
        from services.host.migrate import fix_database_kind
        from services.host.sandbox import create_app

        settings = SystemSettings()
        owner_url = settings.required_owner_url
        if not settings.sandbox:
            raise click.ClickException("The sandbox is off: set SAGECERT_SANDBOX=true in every part to switch it on.")
        fix_database_kind(owner_url, sandbox=True)
        serve_app("sandbox", lambda: create_app(owner_url), (settings.owner_database_url, None), host, port, as_json)


@click.group()
def console() -> None:
    """The console alone: pages for people.

    It has no database. It asks the services at SAGECERT_CONSOLE_SERVICES_URL with the keys of its visitors.
    """


@console.command("serve")
@host_option
@port_option(8005)
@json_option
def serve_console(host: str, port: int, as_json: bool) -> None:
    """Serve the pages at /."""
    with starting():
        from services.cli.bound_server import BoundAddress
        from services.console.app import create_app
        from services.console.settings import ConsoleSettings
        from services.host.api_keys.key_ring import NO_KEYS
        from services.host.gateway import Gateway

        settings = ConsoleSettings()
        if settings.services_url is None:
            raise click.ClickException("The setting SAGECERT_CONSOLE_SERVICES_URL is missing: it names the services.")
        address = BoundAddress(host, port)
        app = Gateway({}, keys=NO_KEYS, sandbox=False, console=lambda _: create_app(settings))
        address.serve(app, lambda: announce(address.origin, as_json=as_json, documented=False))


def serve_app(
    name: str,
    create: "Callable[[], FastAPI]",
    log: "tuple[SecretStr | None, str | None]",
    host: str,
    port: int,
    as_json: bool,
) -> None:
    """Serves one application with the guard in front. `log`: the URL and the role with which the keys are read."""
    from services.cli.bound_server import BoundAddress
    from services.cli.settings import SystemSettings
    from services.host.api_keys.key_ring import KeyRing
    from services.host.gateway import Gateway
    from services.web.rebinding_guard import LocalNames

    system = SystemSettings()
    address = BoundAddress(host, port)
    keys = KeyRing(*log, bootstrap=system.api_key, keyless=address.loopback)
    names = LocalNames(system.public_names)
    app = Gateway({name: create()}, keys=keys, sandbox=system.sandbox, names=names)
    address.serve(app, lambda: announce(address.origin, as_json=as_json))


def _with_keys(settings: "ComplianceSettings") -> "ComplianceSettings":
    if not settings.webhook_keys:
        raise click.ClickException("The setting SAGECERT_COMPLIANCE_WEBHOOK_KEYS is missing: it decrypts the secrets.")
    return settings
