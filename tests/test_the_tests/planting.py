"""Planting mistakes in copies of the project."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from tests.temporary_directory import temporary_directory

PROJECT: Final = Path(__file__).parents[2]
PREPARED_PYTHON: Final = Path(__file__).with_name("prepared_python.py")
VERIFIER: Final = "packages/sagecert-verify/src"
"""In front of the verifier that is installed, which is that of the project."""
SECONDS_MAX: Final = 300


class Mistake(Protocol):
    """An edit of the one place of a file where `old` stands."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def old(self) -> str: ...
    @property
    def new(self) -> str: ...


def plant(copy: Path, mistake: Mistake) -> None:
    """Makes the mistake; fails where its place is no longer there."""
    source = (copy / mistake.path).read_text(encoding="utf-8")
    place = f"{mistake.path}: {mistake.old}"
    assert source.count(mistake.old) == 1, f"the place of the mistake is no longer there, or not the only one: {place}"
    (copy / mistake.path).write_text(source.replace(mistake.old, mistake.new), encoding="utf-8")


class Outcome(NamedTuple):
    """How a module ended, and what it said."""

    status: int
    output: str


class ProjectCopy:
    """A copy of the project, and a Python that runs modules of it. See `prepared_python`."""

    def __init__(self, directory: Path, python: "subprocess.Popen[str]") -> None:
        self.directory = directory
        self._python = python

    @contextmanager
    def planted(self, mistake: Mistake) -> Iterator[None]:
        """The copy has the mistake while the context lasts."""
        plant(self.directory, mistake)
        try:
            yield
        finally:
            shutil.copy2(PROJECT / mistake.path, self.directory / mistake.path)

    def run(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Outcome:
        """Runs the module in the copy."""
        request = {
            "directory": str(self.directory),
            "module": module,
            "arguments": arguments,
            "environment": environment or {},
            "seconds_max": SECONDS_MAX,
        }
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        print(json.dumps(request), file=self._python.stdin, flush=True)
        return Outcome(**json.loads(self._python.stdout.readline()))


@contextmanager
def project_copy() -> Iterator[ProjectCopy]:
    """The services, the packages and the tests, apart from the project itself."""
    with temporary_directory("sagecert-copy-") as copy:
        for package in ("services", "shared", "tests", "packages"):
            shutil.copytree(PROJECT / package, copy / package, ignore=shutil.ignore_patterns("node_modules"))
        shutil.copy2(PROJECT / "pyproject.toml", copy)
        command = [sys.executable, "-P", str(PREPARED_PYTHON)]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy / VERIFIER)}
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as python:
            yield ProjectCopy(copy, python)
            python.kill()
