"""Runs `sagecert import` in the process of the test."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from click.testing import CliRunner

from services.cli import main

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"


class Imported(NamedTuple):
    """The exit status of a command, and what it says."""

    status: int
    output: str


def run_import(url: str, files: Sequence[Path], mappings: Sequence[Path], *options: str) -> Imported:
    """The import of these files into the system at `url`."""
    return run_with_mappings("import", url, files, mappings, *options)


def run_with_mappings(
    command: str, url: str, files: Sequence[Path], mappings: Sequence[Path], *options: str
) -> Imported:
    """A command that takes files and their mappings."""
    given = [argument for mapping in mappings for argument in ("--mapping", str(mapping))]
    done = CliRunner().invoke(main, [command, *map(str, files), *given, "--url", url, *options])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Imported(done.exit_code, done.output)


def examples() -> tuple[list[Path], list[Path]]:
    """The example files, and the mapping of each."""
    mappings = sorted(EXAMPLES.glob("*.toml"))
    tables = {path.stem: path for path in EXAMPLES.iterdir() if path.suffix in (".csv", ".ndjson")}
    assert tables.keys() == {path.stem for path in mappings}, "each table has a mapping of its name"
    return [tables[mapping.stem] for mapping in mappings], mappings


def report_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a report."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
