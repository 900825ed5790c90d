"""Planting a mistake in a copy of the project."""

from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]


def plant(copy: Path, path: str, old: str, new: str) -> None:
    """Edits the one place of a file where the text stands; fails where it is no longer there."""
    source = (copy / path).read_text(encoding="utf-8")
    assert source.count(old) == 1, f"the place of the mistake is no longer there, or not the only one: {path}: {old}"
    (copy / path).write_text(source.replace(old, new), encoding="utf-8")
