"""Planting mistakes in copies of the project, as many at a time as there are processors."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import pytest

PROJECT: Final = Path(__file__).parents[2]


class Mistake(Protocol):
    """An edit of the one place of a file where `old` stands."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def old(self) -> str: ...
    @property
    def new(self) -> str: ...


_Mistake = TypeVar("_Mistake", bound=Mistake)
_Outcome = TypeVar("_Outcome")


def plant(copy: Path, mistake: Mistake) -> None:
    """Makes the mistake; fails where its place is no longer there."""
    source = (copy / mistake.path).read_text(encoding="utf-8")
    place = f"{mistake.path}: {mistake.old}"
    assert source.count(mistake.old) == 1, f"the place of the mistake is no longer there, or not the only one: {place}"
    (copy / mistake.path).write_text(source.replace(mistake.old, mistake.new), encoding="utf-8")


@contextmanager
def tried(
    request: pytest.FixtureRequest, attempt: Callable[[_Mistake], _Outcome]
) -> Iterator[Callable[[_Mistake], _Outcome]]:
    """What becomes of each mistake that the chosen tests of the module are about; they are all begun at once."""
    chosen: list[Any] = [
        item.callspec.params["mistake"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        under_way = {mistake.name: pool.submit(attempt, mistake) for mistake in chosen}
        try:
            yield lambda mistake: under_way[mistake.name].result()
        finally:
            pool.shutdown(cancel_futures=True)
