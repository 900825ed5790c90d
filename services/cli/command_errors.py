"""What can be in the way of a command, each as one sentence."""

import errno
import ipaddress
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click

LOOPBACK: Final = "localhost"


@contextmanager
def friendly_errors() -> Iterator[None]:
    """Ends the command with what is in the way. A stop that was asked for is no failure."""
    try:
        yield
    except click.ClickException:
        raise
    except Exception as problem:
        from services.cli.error_messages import sentence

        said = sentence(problem)
        if said is None:
            raise
        raise click.ClickException(said) from problem
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(0)


def cannot_listen(host: str, port: int, problem: OSError) -> click.ClickException:
    """Why there is nothing to serve on."""
    if problem.errno == errno.EADDRINUSE:
        return click.ClickException(f"Port {port} is in use: stop what uses it, or choose another with --port.")
    return click.ClickException(f"Nothing can be served on {host}:{port}: {problem.strerror}.")


def refuse_open_host(host: str, key: Callable[[], str | None]) -> None:
    """Who can be reached from elsewhere wants a key. Raises `click.ClickException`."""
    if host == LOOPBACK:
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback and key() is None:
        raise click.ClickException(
            f"{host} can be reached from elsewhere: set SAGECERT_API_KEY, which every call then needs, "
            "or serve on 127.0.0.1."
        )
