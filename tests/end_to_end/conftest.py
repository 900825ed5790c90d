"""What tests of the command and its launcher start from."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def data_directory() -> Iterator[Path]:
    """An empty directory that an account without privileges can reach too: the server's, when the tests run as root."""
    with tempfile.TemporaryDirectory(prefix="sagecert-test-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)
