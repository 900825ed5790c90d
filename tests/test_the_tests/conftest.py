"""What tests with planted mistakes share."""

from collections.abc import Iterator

import pytest

from tests.test_the_tests.planting import ProjectCopy, project_copy


@pytest.fixture(scope="session")
def copy() -> Iterator[ProjectCopy]:
    """Of the project, for one mistake after the other."""
    with project_copy() as copy:
        yield copy
