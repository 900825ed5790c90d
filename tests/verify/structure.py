"""The structure of an export as Go sees it: `go/structure.go`, by the libraries of its checksum database."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.temporary_directory import temporary_directory
from tests.verify.exports import CLAIMS_LOG, COMPLIANCE_LOG, FACTS_LOG

LIBRARIES: Final = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb")
"""Where Debian's golang-golang-x-mod-dev puts them."""
MISSING: Final = "no Go here with golang.org/x/mod (Debian: golang-go, golang-golang-x-mod-dev)"
BUILD_SECONDS_MAX: Final = 100


class Refusal(NamedTuple):
    """Which log is at fault, at which position (None: none in particular), and why."""

    log: str
    position: int | None
    why: str


class GoVerifier:
    """A process that is asked about file after file."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def refusal(self, path: Path) -> Refusal | None:
        """Why it refuses the export; None: it does not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().rstrip("\n")
        if answer == "ok":
            return None
        log, position, why = answer.split(" ", 2)
        return Refusal(log, int(position) or None, why)


@contextmanager
def go_verifier() -> Iterator[GoVerifier | None]:
    """Built and running, of the logs of the tests; None: there is no Go here."""
    go = shutil.which("go")
    if go is None or not LIBRARIES.is_dir():
        yield None
        return
    with temporary_directory("sagecert-go-") as directory:
        built = directory / "structure"
        settings = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": f"{directory}/cache"}
        source = Path(__file__).with_name("go") / "structure.go"
        command = [go, "build", "-o", str(built), str(source)]
        subprocess.run(command, env={**os.environ, **settings}, check=True, timeout=BUILD_SECONDS_MAX)
        command = [str(built), FACTS_LOG.text, COMPLIANCE_LOG.text, CLAIMS_LOG.text]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield GoVerifier(process)
            assert process.stdin is not None
            process.stdin.close()
