"""Three thousand calls that are made up from the documents: both say what the services do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.postgres import Server
from tests.databases import clone

CALLS_MIN = 3_000


@pytest.mark.timeout(600)
def test_the_documents_say_what_the_services_do(server: Server, tmp_path: Path) -> None:
    separated = ["unshare", "--net"]
    try:
        subprocess.run([*separated, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as problem:
        pytest.skip(f"no network namespace can be made here, and no generated URL may leave this machine: {problem}")
    clone(server, "template1", "generated_calls")
    command = [*separated, sys.executable, "-m", "tests.generated_calls", server.url(database="generated_calls")]
    done = subprocess.run(
        [*command, "--directory", str(tmp_path)], capture_output=True, text=True, check=False, timeout=580
    )
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout).values()) >= CALLS_MIN, done.stderr
