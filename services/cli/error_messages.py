"""Turns the failures of a command into one sentence each."""

import errno
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from pydantic import ValidationError

_FIELD: Final = re.compile(r'field "([^"]+)"')
_LISTS: Final = {
    "products": "SAGECERT_PRODUCTS",
    "webhook_keys": "SAGECERT_COMPLIANCE_WEBHOOK_KEYS",
    "webhook_networks": "SAGECERT_COMPLIANCE_WEBHOOK_NETWORKS",
    "witnesses": "SAGECERT_AUDIT_WITNESSES",
    "recipients": "SAGECERT_MAIL_RECIPIENTS",
}
"""Settings that are written as JSON, by field."""
_PART_OF: Final = {"FOLLOWER": "COMPLIANCE", "DISPATCHER": "COMPLIANCE", "SEALER": "AUDIT"}
"""The prefix of the settings that a process shares with its service."""

NO_KEY: Final = (
    "Other machines can reach this address, and no API key lets any caller in: issue keys with sagecert keys issue, "
    "set SAGECERT_API_KEY, or serve on 127.0.0.1."
)
NOT_MIGRATED: Final = "This database is not at this version: run sagecert migrate first, as its owner."


@contextmanager
def friendly_errors() -> Iterator[None]:
    """Ends the command with a sentence for each foreseen failure. Ctrl-C and SIGTERM are not failures."""
    try:
        yield
    except (click.ClickException, BrokenPipeError):
        raise  # click ends the command quietly where the reader of its output has gone
    except Exception as problem:
        message = describe(problem)
        if message is None:
            raise
        raise click.ClickException(message) from problem
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(0)


def cannot_listen(host: str, port: int, problem: OSError) -> click.ClickException:
    """The reason why the address cannot be used."""
    if problem.errno == errno.EADDRINUSE:
        return click.ClickException(f"Port {port} is in use: stop what uses it, or choose another with --port.")
    return click.ClickException(f"The address {host}:{port} cannot be used: {problem.strerror}.")


def describe(problem: Exception) -> str | None:
    """The failure in one sentence; None for an unforeseen one. Imports here: a command that succeeds needs none."""
    import asyncpg
    import psycopg
    from pydantic import ValidationError
    from pydantic_settings import SettingsError
    from sqlalchemy.exc import DBAPIError

    from services.audit.files_beside_database import KeyDirectoryError
    from services.audit.refusals import NotSealed, NotWhatWasSealed
    from services.audit.sealed_log import EntryMissing
    from services.audit.tiles import TileMissing
    from services.certification.domain.api_key import KeyRefused
    from services.certification.domain.refusals import Unavailable
    from services.compliance.projection.rebuild import AlreadyRebuilding, Unexplained
    from services.host.api_keys.errors import NoKeyYet
    from services.host.embedded_postgres.errors import CannotStart
    from services.host.signing_key_rotation import RotationRefused
    from services.web.log_check import LogAltered
    from services.web.refusal import EngineNotInstalled
    from services.web.sandbox_mismatch import SandboxMismatch

    match problem:
        case (
            CannotStart()
            | SandboxMismatch()
            | KeyRefused()
            | LogAltered()
            | KeyDirectoryError()
            | NotSealed()
            | NotWhatWasSealed()
            | RotationRefused()
        ):
            return str(problem)
        case EngineNotInstalled() | AlreadyRebuilding() | Unexplained():
            return str(problem)
        case EntryMissing() | TileMissing():
            return f"The log is not what was sealed: {problem}."
        case NoKeyYet():
            return NO_KEY
        case ValidationError():
            return " ".join(_settings(problem))
        case SettingsError():
            field = _FIELD.search(str(problem))
            name = f"The setting {_LISTS.get(field[1], field[1])}" if field else "A setting"
            return f'{name} cannot be used: a list is written as JSON, such as ["one", "another"].'
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedFunction() | psycopg.errors.InvalidSchemaName():
            return NOT_MIGRATED
        case Unavailable():
            return "The database cannot be used: it does not answer, or sagecert migrate has not been run on it."
        case DBAPIError(orig=psycopg.Error() as original):
            return describe(original)
        case psycopg.Error() | asyncpg.PostgresError() | asyncpg.InterfaceError() | ConnectionError():
            return f"The database cannot be used: {_first_line(problem)}"
        case OSError():
            return f"{problem.filename or 'The system'} cannot be used: {problem.strerror or type(problem).__name__}."
        case _:
            return None


def _settings(problem: "ValidationError") -> Iterator[str]:
    """Missing and unusable settings, by their environment variables."""
    part = problem.title.removesuffix("Settings").upper()
    part = _PART_OF.get(part, part)
    prefix = "SAGECERT_" if part == "SYSTEM" else f"SAGECERT_{part}_"
    for error in problem.errors():
        if not error["loc"]:
            yield f"{error['msg'].removeprefix('Value error, ')}."
            continue
        name = str(error["loc"][0])
        if name.islower():
            name = prefix + name.upper()
        if name == "SAGECERT_OWNER_DATABASE_URL":
            name += " (or DATABASE_URL)"
        if error["type"] == "missing":
            yield f"The setting {name} is missing."
        else:
            yield f"The setting {name} cannot be used: {error['msg'].removeprefix('Value error, ')}."


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
