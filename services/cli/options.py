"""Options that several commands share."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from services.cli.imports.mapping import ImportMapping

_Command = TypeVar("_Command", bound=Callable[..., Any])

host_option = click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to serve on; any but loopback needs SAGECERT_API_KEY.",
)


def data_directory_for(what: str) -> Callable[[_Command], _Command]:
    """`--data-dir`, and what it is for."""
    return click.option(
        "--data-dir",
        "data_directory",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(".data"),
        show_default=True,
        help=what,
    )


data_directory_option = data_directory_for(
    "Directory of the embedded PostgreSQL (not used with DATABASE_URL) and of the key for webhooks."
)

running_data_directory_option = data_directory_for(
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
    help="The key to call with. SAGECERT_API_KEY is safer: other users see the options of a command.",
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


class InstantType(click.ParamType[datetime]):
    """An instant with an offset, as the API takes it. `unlike`: what any other value is."""

    name = "instant"
    unlike = "is not an instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Fails for a naive instant, which could mean several."""
        from services.web.input_parsing import parse_instant

        if isinstance(value, datetime):
            return value
        try:
            instant: datetime = parse_instant(value)
        except ValueError as problem:
            self.fail(f"{value!r} {self.unlike}: {problem}", param, ctx)
        return instant


class ExistingFileType(click.Path):
    """A file that can be read to its end: no directory, pipe or device, which would be waited for, or never end."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Fails for what is there and is no file."""
        path: Any = super().convert(value, param, ctx)
        if not Path(path).is_file():
            self.fail(f"{str(value)!r} is a pipe, a device or a socket: save what it holds as a file, and give that.")
        return path


def table_options(*, mapping: str, report: str) -> Callable[[_Command], _Command]:
    """FILES, `--mapping` and `--report`, with the help of the two options."""
    existing = ExistingFileType()
    written = click.Path(dir_okay=False, readable=False, writable=True, path_type=Path)

    def add(command: _Command) -> _Command:
        command = click.option("--report", type=written, help=report)(command)
        command = click.option("--mapping", "mappings", multiple=True, required=True, type=existing, help=mapping)(
            command
        )
        return click.argument("files", nargs=-1, required=True, type=existing)(command)

    return add


def require_distinct_files(files: Sequence[Path], mappings: Sequence[Path], report: Path | None) -> None:
    """One mapping for all files, or one for each; and a report that is none of them. Raises `click.UsageError`.

    `OSError` where the place of the report may not be looked at.
    """
    if len(mappings) not in (1, len(files)):
        raise click.UsageError(f"--mapping is given once for all files, or {len(files)} times: once for each.")
    if report is None or not report.exists():
        return
    if any(report.samefile(path) for path in (*files, *mappings)):
        raise click.UsageError(f"--report would overwrite {report}, which is read: choose another name.")
    if report.is_fifo() and report.parts[:2] not in (("/", "dev"), ("/", "proc")):
        raise click.UsageError(f"--report {report} is a pipe, which waits for a reader: name a file, or /dev/stdout.")


def mapped_files(files: Sequence[Path], mappings: Sequence[Path]) -> "list[tuple[Path, ImportMapping]]":
    """The files, each with its mapping. Raises `MappingError`."""
    from services.cli.imports.mapping import load_mapping

    loaded = [load_mapping(path) for path in mappings]
    return list(zip(files, loaded * len(files), strict=False))
