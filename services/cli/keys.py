"""`sagecert keys`: who may call, by keys with names and scopes."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from services.cli.error_messages import friendly_errors
from services.cli.options import InstantType, json_option, running_data_directory_option

if TYPE_CHECKING:
    from services.certification.domain.api_key import IssuedKey

SCOPES = ("calendars", "read", "facts", "audit", "admin")


@click.group()
def keys() -> None:
    """API keys: who may call, and who could at any instant.

    Each has a name, which is the actor of what it records, and scopes. Works on the database that
    SAGECERT_OWNER_DATABASE_URL names, or on that of a running `sagecert up`.
    """


@keys.command("issue")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help="What it allows. calendars: due days alone, also with the key in the address; read: answers and feeds; facts "
    "and audit allow that too; admin: everything.",
)
@click.option("--rotate", is_flag=True, help="Issue another key; the earlier keys of the name stay in force.")
@running_data_directory_option
@json_option
def issue(name: str, scopes: Sequence[str], rotate: bool, data_directory: Path, as_json: bool) -> None:
    """Issue a key and show it, this once.

    NAME is the system that calls, never a person: it is in facts, which cannot be erased.
    """
    with friendly_errors():
        from services.cli.database_url import owner_url
        from services.host.api_keys.key_commands import issue_key
        from services.web.scopes import Scope

        issued = issue_key(owner_url(data_directory), name, [Scope(scope) for scope in scopes], rotate=rotate)
    if as_json:
        shown = {"key": issued.text, "name": issued.key_name, "scopes": issued.scopes, "fact_id": issued.fact_id}
        click.echo(json.dumps(shown))
    else:
        click.echo(f"The key of {issued.key_name} ({', '.join(issued.scopes)}); it is not shown again:", err=True)
        click.echo(issued.text)
        if list(issued.scopes) == ["calendars"]:
            click.echo(f"Subscribe to /compliance/v1/due-days.ics?key={issued.text} of the system.", err=True)


@keys.command("revoke")
@click.argument("name")
@click.option("--superseded", is_flag=True, help="Revoke all but the newest key of the name.")
@running_data_directory_option
def revoke(name: str, superseded: bool, data_directory: Path) -> None:
    """Revoke the keys of a name; every process refuses them within a second."""
    with friendly_errors():
        from services.cli.database_url import owner_url
        from services.host.api_keys.key_commands import revoke_keys

        revoked = revoke_keys(owner_url(data_directory), name, superseded=superseded)
    click.echo(f"{revoked} {'key' if revoked == 1 else 'keys'} of {name} revoked")


@keys.command("list")
@click.option("--at", type=InstantType(), help="Only the keys in force at this instant, such as 2026-04-02T09:00:00Z.")
@running_data_directory_option
@json_option
def list_(at: datetime | None, data_directory: Path, as_json: bool) -> None:
    """List the keys: who may call, or with --at who could then.

    The log knows every issued key, also after a restore. It does not know the key of SAGECERT_API_KEY: what that key
    recorded has the actor `bootstrap`, and what a system without keys recorded has the actor `local`.
    """
    with friendly_errors():
        from services.cli.database_url import owner_url
        from services.host.api_keys.key_commands import list_keys

        found = list_keys(owner_url(data_directory))
    chosen = [key for key in found if at is None or key.in_force(at)]
    if as_json:
        click.echo(json.dumps([_shown(key) for key in chosen]))
        return
    for key in chosen:
        until = "" if key.revoked_at is None else f"  revoked {_text(key.revoked_at)}"
        click.echo(f"{key.key_name:24} {','.join(key.scopes):12} issued {_text(key.issued_at)}{until}")
    if not chosen:
        click.echo("no keys" if at is None else f"no keys were in force at {_text(at)}", err=True)


def _shown(key: "IssuedKey") -> dict[str, Any]:
    return {
        "name": key.key_name,
        "scopes": key.scopes,
        "issued_at": _text(key.issued_at),
        "revoked_at": None if key.revoked_at is None else _text(key.revoked_at),
        "fact_id": key.fact_id,
    }


def _text(instant: datetime) -> str:
    from shared.events.wire import instant_text

    return instant_text(instant)
