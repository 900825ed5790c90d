"""What a command says: results on stdout, what takes a while and what goes wrong on stderr."""

import json
import logging

import click


def log_to_stderr() -> None:
    """What goes wrong, and what we find worth saying."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("services").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").addFilter(_says_something)


def _says_something(record: logging.LogRecord) -> bool:
    """Not the trace of a call that was cut off because the server stops."""
    from asyncio import CancelledError  # loaded by whatever is cancelled, and not before a database is started

    return not isinstance(record.exc_info and record.exc_info[1], CancelledError)


def progress(line: str) -> None:
    """What takes a while."""
    click.echo(line, err=True)


def announce(origin: str, *, as_json: bool = False, **more: object) -> None:
    """Where it is served: for people, or with `more` as JSON for a script."""
    if as_json:
        click.echo(json.dumps({"url": origin, **more}))
    else:
        click.echo(f"Serving on {origin} (documentation: {origin}/docs); Ctrl-C stops it.")
