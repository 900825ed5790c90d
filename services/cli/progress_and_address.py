"""Output of a command: results on stdout, progress and problems on stderr."""

import json
import logging
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


def log_to_stderr() -> None:
    """Logs warnings of libraries, and our own information, to stderr."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("services").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").addFilter(_says_something)


def _says_something(record: logging.LogRecord) -> bool:
    """Filters out the trace of a call that was cancelled by a stop."""
    from asyncio import CancelledError  # not before a database is started: loading it takes time

    return not isinstance(record.exc_info and record.exc_info[1], CancelledError)


def progress(line: str) -> None:
    """Prints a line about a slow step."""
    click.echo(line, err=True)


def waiting(reason: str) -> None:
    """Prints why a command does not go on for a while."""
    click.echo(f"waiting: {reason}. Ctrl-C stops.", err=True)


def progress_bar(label: str, length: int) -> "ProgressBar[int]":
    """A bar on a terminal, for a slow step."""
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty())


def announce(origin: str, *, as_json: bool = False, documented: bool = True, **more: object) -> None:
    """Prints the address: for people, or with `more` as JSON for a script. `documented`: it serves documentation."""
    if as_json:
        click.echo(json.dumps({"url": origin, **more}))
    else:
        documentation = f" (documentation: {origin}/docs)" if documented else ""
        click.echo(f"Serving on {origin}{documentation}; Ctrl-C stops it.")
