"""The program in the README of the client runs as it stands there."""

import subprocess
import sys

from tests.architecture.markdown import code_blocks, read
from tests.systems import System

(PROGRAM,) = code_blocks(read("packages/sagecert-client/README.md"), "python")


def test_the_program_of_the_readme_does_what_it_says(system: System) -> None:
    program = PROGRAM.replace("http://127.0.0.1:8000", system.url)
    assert program != PROGRAM, "it calls the system of the test"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "not_yet_authorised 0"
    assert lines[1] == "1 201"
    assert lines[2].endswith("com.sage.partnercloud.standing-changed.v1")
    assert lines[-1].startswith("422 no-such-attempt R5")
