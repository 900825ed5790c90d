"""The package by itself: built, installed into an empty environment with `cryptography` only, and run on an export."""

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution, requires
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

from sagecert_verify.command import main
from tests.architecture.sources import ROOT
from tests.verify.exports import POLICY_WITHOUT_WITNESSES, export_of, write

PACKAGE: Final = ROOT / "packages" / "sagecert-verify"
PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
SEED: Final = 43


def run(*command: str | Path, within: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Without the variables of the tests, which say where the sources of the project are."""
    clean = {"PATH": os.defpath, "HOME": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([*map(str, command)], cwd=within, env=clean, capture_output=True, text=True, check=False)


def dependencies(name: str) -> set[str]:
    """The distribution, and those that it needs here."""
    found = {name}
    for line in requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found |= dependencies(requirement.name)
    return found


def lend(name: str, site: Path) -> None:
    """Copies an installed distribution, as if it had been installed there: no network is needed."""
    for file in distribution(name).files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(file.locate()), site / file)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds the package and what it says that it needs."""
    directory = tmp_path_factory.mktemp("alone")
    source = directory / "source"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    wheels = directory / "wheels"
    built = run(*PIP, "wheel", "-q", "--no-index", "--no-deps", "--no-build-isolation", "-w", wheels, source)
    assert built.returncode == 0, built.stderr
    made = run(sys.executable, "-m", "venv", "--without-pip", directory / "venv")
    assert made.returncode == 0, made.stderr
    scheme = {"base": str(directory / "venv"), "platbase": str(directory / "venv")}
    site = Path(sysconfig.get_path("purelib", "venv", scheme))
    for name in dependencies("cryptography"):
        lend(name, site)
    python = directory / "venv" / "bin" / "python"
    (wheel,) = wheels.iterdir()
    installed = run(*PIP, "--python", python, "install", "-q", "--no-index", wheel)
    assert installed.returncode == 0, installed.stderr
    listed = run(*PIP, "--python", python, "list", "--format", "freeze").stdout.split()
    assert {line.partition("==")[0].lower() for line in listed} == {"sagecert-verify", *dependencies("cryptography")}
    return directory / "venv" / "bin"


def test_it_verifies_an_export_with_nothing_else(alone: Path, tmp_path: Path) -> None:
    write(tmp_path / "export.tar.gz", export_of(SEED).members())
    (tmp_path / "policy.txt").write_text(POLICY_WITHOUT_WITNESSES, encoding="utf-8")
    command = ("export.tar.gz", "--policy", "policy.txt")
    done = run(alone / "sagecert-verify", *command, within=tmp_path)
    assert (done.returncode, done.stderr) == (20, "")
    assert done.stdout.startswith("20: re-derived, but there is no earlier checkpoint to compare\n")
    assert main([str(tmp_path / "export.tar.gz"), "--policy", str(tmp_path / "policy.txt")]) == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export.tar.gz", "policy.txt"]


def test_it_holds_nothing_of_the_system(alone: Path) -> None:
    found = run(alone / "python", "-c", "import services")
    assert "No module named 'services'" in found.stderr
