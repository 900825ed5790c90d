"""Cuts the tests off from the folder, the environment and the account that start them."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.temporary_directory import temporary_directory

ROOT: Final = Path(__file__).parents[1]

PACKAGES: Final = ("sagecert-client", "sagecert-verify")
"""Of `packages/`: the processes of the tests import them from the sources."""

KEPT: Final = ("PATH", "TMPDIR", "TERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CI", "LD_LIBRARY_PATH")
"""Variables that say where programs and temporary files are, and how to print."""

CHOICES: Final = (
    "EXAMPLES",
    "FIRST_HISTORY",
    "HISTORIES",
    "HISTORIES_BY_WEBHOOK",
    "HISTORIES_OVER_HTTP",
    "SAGECERT_POSTGRES_BIN",
)
"""Variables by which a developer chooses how much is tested, and on which PostgreSQL; see CONTRIBUTING.md."""

PYTEST: Final = "PYTEST_"
"""pytest and its plugins read variables of their own."""

ODD_TIME_ZONE: Final = "<+1245>-12:45"
"""No result depends on the local time. A result that does shows."""

CALLERS: dict[str, str] = {}
"""The environment before `isolate`: for a program that needs the developer's own configuration, such as npm."""


def isolate() -> None:
    """Replaces the environment of this process, which the processes that it starts inherit."""
    CALLERS.update(os.environ)
    os.environ.clear()
    os.environ.update(
        {name: value for name, value in CALLERS.items() if name in KEPT or name in CHOICES or name.startswith(PYTEST)},
        HYPOTHESIS_STORAGE_DIRECTORY=str(ROOT / ".hypothesis"),
        LC_ALL="C",
        PYTHONPATH=os.pathsep.join(map(str, (ROOT, *(ROOT / f"packages/{name}/src" for name in PACKAGES)))),
        PYTHONUTF8="1",
        TZ=ODD_TIME_ZONE,
    )
    time.tzset()
    os.umask(0o022)


@contextmanager
def empty_home() -> Iterator[Path]:
    """An empty directory as home and current directory of this process and those that it starts.

    So no file of the account or of the project's folder is read by accident, such as `.data`, `.pgpass` or `.curlrc`.
    """
    before = Path.cwd()
    with temporary_directory("sagecert-home-") as home:
        os.environ["HOME"] = str(home)
        os.chdir(home)
        try:
            yield home
        finally:
            os.chdir(before)
