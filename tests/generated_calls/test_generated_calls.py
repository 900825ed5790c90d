"""Three thousand calls that are made up from the documents: both say what the services do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.host.embedded_postgres.server import Server
from tests.databases import clone
from tests.network import separate

CALLS_MIN = 3_000


@pytest.mark.timeout(600)
def test_the_documents_say_what_the_services_do(server: Server, tmp_path: Path) -> None:
    if (problem := separate()) is not None:
        pytest.skip(f"no generated URL may leave this machine: {problem}")
    clone(server, "template1", "generated_calls")
    command = [sys.executable, "-m", "tests.generated_calls", server.url(database="generated_calls")]
    examples = ["--examples", os.environ["EXAMPLES"]] if "EXAMPLES" in os.environ else ["--first-of-a-kind"]
    done = subprocess.run(
        [*command, *examples, "--directory", str(tmp_path)], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout).values()) >= CALLS_MIN, done.stderr
