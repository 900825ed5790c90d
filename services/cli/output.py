"""What a command says: results on stdout, what takes a while and what goes wrong on stderr."""

import json
import logging

import click


def log_to_stderr() -> None:
    """What goes wrong, and what we find worth saying."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("services").setLevel(logging.INFO)


def progress(line: str) -> None:
    """What takes a while."""
    click.echo(line, err=True)


def announce(origin: str, *, as_json: bool = False, **more: object) -> None:
    """Where it is served: for people, or with `more` as JSON for a script."""
    if as_json:
        click.echo(json.dumps({"url": origin, **more}))
    else:
        click.echo(f"Serving on {origin} (documentation: {origin}/docs); Ctrl-C stops it.")
