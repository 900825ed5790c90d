"""Planting mistakes in copies of the project."""

from pathlib import Path
from typing import Final, Protocol

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


def plant(copy: Path, mistake: Mistake) -> None:
    """Makes the mistake; fails where its place is no longer there."""
    source = (copy / mistake.path).read_text(encoding="utf-8")
    place = f"{mistake.path}: {mistake.old}"
    assert source.count(mistake.old) == 1, f"the place of the mistake is no longer there, or not the only one: {place}"
    (copy / mistake.path).write_text(source.replace(mistake.old, mistake.new), encoding="utf-8")
