"""What tests of the command and of the embedded PostgreSQL start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import reachable_directory


@pytest.fixture
def data_directory() -> Iterator[Path]:
    """An empty directory for a server of its own."""
    with reachable_directory() as directory:
        yield directory
