"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

host_option = click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to serve on; any but loopback needs SAGECERT_API_KEY.",
)


def _data_directory_option(what: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--data-dir",
        "data_directory",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(".data"),
        show_default=True,
        help=what,
    )


data_directory_option = _data_directory_option(
    "Directory of the embedded PostgreSQL (not used with DATABASE_URL) and of the key for webhooks."
)

running_data_directory_option = _data_directory_option(
    "Directory of a `sagecert up` that is running (not used with SAGECERT_OWNER_DATABASE_URL)."
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON, for scripts.")

url_option = click.option(
    "--url",
    envvar="SAGECERT_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    help="Where the system serves; also read from SAGECERT_URL.",
)

api_key_option = click.option(
    "--api-key",
    envvar="SAGECERT_API_KEY",
    help="The key to call with; better given as SAGECERT_API_KEY, for other users see the options of a command.",
)


def port_option(default: int) -> Callable[[_Command], _Command]:
    """`--port`; 0 is any free one."""
    return click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=default,
        show_default=True,
        help="Port to serve on; 0 for any free one.",
    )
