"""What can be in the way of a command, each as one sentence."""

import errno
import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
import click
import psycopg
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from services.certification.app import WrongKindOfDatabase
from services.certification.refusals import Unavailable
from services.migrate import OtherKind
from services.postgres import CannotStart

LOOPBACK: Final = "localhost"

NOT_MIGRATED: Final = "This database is not at this version: run sagecert migrate first, as its owner."


@contextmanager
def one_sentence() -> Iterator[None]:
    """Ends the command with what is in the way. A stop that was asked for is no failure."""
    try:
        yield
    except (CannotStart, OtherKind, WrongKindOfDatabase) as problem:
        raise click.ClickException(str(problem)) from problem
    except ValidationError as problem:
        raise click.ClickException(" ".join(_settings(problem))) from problem
    except DBAPIError as problem:
        raise click.ClickException(f"The database cannot be used: {_first_line(problem.orig or problem)}") from problem
    except Unavailable as problem:
        raise click.ClickException("The database cannot be used: it does not answer.") from problem
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName):
        raise click.ClickException(NOT_MIGRATED) from None
    except (psycopg.Error, asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError) as problem:
        raise click.ClickException(f"The database cannot be used: {_first_line(problem)}") from problem
    except OSError as problem:
        raise click.ClickException(
            f"{problem.filename or 'The system'} cannot be used: {problem.strerror}."
        ) from problem
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(0)


def _settings(problem: ValidationError) -> Iterator[str]:
    """What is missing or does not fit, by the name that it has in the environment."""
    part = problem.title.removesuffix("Settings").upper()
    prefix = "SAGECERT_" if part == "SYSTEM" else f"SAGECERT_{part}_"
    for error in problem.errors():
        name = str(error["loc"][0])
        if name.islower():
            name = prefix + name.upper()
        if error["type"] == "missing":
            yield f"The setting {name} is missing."
        else:
            yield f"The setting {name} cannot be used: {error['msg'].removeprefix('Value error, ')}."


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__


def cannot_listen(host: str, port: int, problem: OSError) -> click.ClickException:
    """Why there is nothing to serve on."""
    if problem.errno == errno.EADDRINUSE:
        return click.ClickException(f"Port {port} is in use: stop what uses it, or choose another with --port.")
    return click.ClickException(f"Nothing can be served on {host}:{port}: {problem.strerror}.")


def refuse_open_host(host: str, key: str | None) -> None:
    """Who can be reached from elsewhere wants a key. Raises `click.ClickException`."""
    if key is not None or host == LOOPBACK:
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise click.ClickException(
            f"{host} can be reached from elsewhere: set SAGECERT_API_KEY, which every call then needs, "
            "or serve on 127.0.0.1."
        )
