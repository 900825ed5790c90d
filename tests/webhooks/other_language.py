"""A receiver in another language: what npm's `standardwebhooks` says of messages, under Node.js."""

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from tests.clean_environment import CALLERS
from tests.network import outside
from tests.webhooks.receiver import Request

SOURCES: Final = Path(__file__).parent / "node"
UNREACHABLE: Final = ("EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT")


class NodeVerifier:
    """The verifier in a directory of its own, with exactly the packages that its lock file names."""

    def __init__(self, directory: Path) -> None:
        """Skips the test, and says why, where there is no Node.js or no registry that npm reaches."""
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            pytest.skip("node and npm are not installed: nobody verifies in another language")
        self._node, self._directory = node, directory
        for file in SOURCES.iterdir():
            if file.is_file():
                shutil.copy(file, directory)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        # npm reaches its registry as the developer has configured it, in the network that the tests left.
        installed = subprocess.run(
            outside(command), cwd=directory, env=CALLERS, capture_output=True, text=True, check=False
        )
        if any(code in installed.stderr for code in UNREACHABLE):
            pytest.skip("npm reaches no registry: nobody verifies in another language")
        assert installed.returncode == 0, installed.stderr

    def accepts(self, secret: str, requests: Iterable[Request]) -> list[bool]:
        """Which of the requests it takes for genuine."""
        messages = [
            {"secret": secret, "headers": dict(request.headers), "body": request.body.decode()} for request in requests
        ]
        said = subprocess.run(
            [self._node, "verify.js"],
            cwd=self._directory,
            input=json.dumps(messages),
            capture_output=True,
            text=True,
            check=True,
        )
        accepted: list[bool] = json.loads(said.stdout)
        return accepted
