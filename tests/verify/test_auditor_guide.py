"""The commands of the auditor guide and of the package's README, run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from sagecert_verify.finding import HEADLINES
from tests.architecture.sources import ROOT
from tests.verify.exports import LOGS, OTHER_WITNESS, POLICY, SIGNERS, WITNESS, export_of, write

SEED: Final = 43
GUIDE: Final = (ROOT / "docs/auditor-guide.md").read_text(encoding="utf-8")
README: Final = (ROOT / "packages/sagecert-verify/README.md").read_text(encoding="utf-8")
COMMAND: Final = "sagecert-verify export.tar.gz --policy policy.txt --checkpoint kept-in-march.note"
ROOT_AGAIN: Final = next(code for code in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "hashlib" in code)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """What an auditor has: the export, the policy, a checkpoint; and the command."""
    export = export_of(SEED)
    export.signers = {log: [SIGNERS[log], WITNESS, OTHER_WITNESS] for log in LOGS}
    write(tmp_path / "export.tar.gz", export.members())
    (tmp_path / "policy.txt").write_text(POLICY, encoding="utf-8")
    (tmp_path / "kept-in-march.note").write_text(export.note("facts", 5), encoding="utf-8")
    command = tmp_path / "bin" / "sagecert-verify"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sagecert_verify "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return tmp_path


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = f"{directory / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=directory, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )


def test_the_command_of_the_guide(directory: Path) -> None:
    assert COMMAND in GUIDE
    assert COMMAND in README
    done = run(directory, "sh", "-c", COMMAND)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("0: witnessed and re-derived\n")


def test_the_root_is_found_again_by_the_standard_library(directory: Path) -> None:
    done = run(directory, sys.executable, "-c", ROOT_AGAIN)
    assert done.returncode == 0, done.stderr
    assert "entries have the signed root" in done.stdout
    export = export_of(SEED)
    members = export.members()
    name = next(name for name in members if name.startswith("facts/tile/entries/"))
    write(directory / "export.tar.gz", {**members, name: members[name][:-1] + b"!"})
    assert "altered" in run(directory, sys.executable, "-c", ROOT_AGAIN).stderr


def test_every_status_is_explained() -> None:
    for text in (GUIDE, README):
        explained = {int(status) for status in re.findall(r"^\| (\d+) \| ", text, re.MULTILINE)}
        assert {int(status) for status in HEADLINES} <= explained
