"""What can be in the way of a command, each as one sentence."""

import errno
import ipaddress
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click
import psycopg
from pydantic import ValidationError

from services.migrate import OtherKind
from services.postgres import CannotStart

LOOPBACK: Final = "localhost"


@contextmanager
def one_sentence() -> Iterator[None]:
    """Ends the command with what is in the way. A stop that was asked for is no failure."""
    try:
        yield
    except (CannotStart, OtherKind) as problem:
        raise click.ClickException(str(problem)) from problem
    except ValidationError as problem:
        raise click.ClickException(" ".join(_setting(error) for error in problem.errors())) from problem
    except psycopg.Error as problem:
        raise click.ClickException(f"The database refuses: {_first_line(problem)}") from problem
    except PermissionError as problem:
        raise click.ClickException(f"{problem.filename} may not be used by {_who()}: {problem.strerror}.") from problem
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(0)


def _setting(error: object) -> str:
    """A setting that is missing or does not fit, by the name that it has in the environment."""
    assert isinstance(error, dict)
    if "ctx" in error and "error" in error["ctx"]:
        return f"{error['ctx']['error']}."
    name = str(error["loc"][0])
    return f"The setting {name} is {'missing' if error['type'] == 'missing' else 'not usable: ' + str(error['msg'])}."


def _first_line(problem: Exception) -> str:
    return str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__


def _who() -> str:
    return f"user {os.geteuid()}"


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
