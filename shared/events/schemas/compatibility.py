"""What a change of a published schema breaks."""

from collections.abc import Iterator
from typing import Any

WORDING = frozenset({"description", "title"})
BY_NAME = frozenset({"properties", "$defs"})


def breaks(published: Any, proposed: Any, where: str = "") -> list[str]:
    """Every respect in which a reader of `published` could be misled by `proposed`; empty: compatible.

    Allowed are other wording and further optional properties. A further enum value, another default
    or a wider type is not: a reader that knows only the published schema would not understand it.
    """
    return list(_breaks(published, proposed, where))


def _breaks(published: Any, proposed: Any, where: str) -> Iterator[str]:
    if isinstance(published, dict) and isinstance(proposed, dict):
        for key in sorted((published.keys() | proposed.keys()) - WORDING):
            here = f"{where}/{key}"
            if key in BY_NAME:
                yield from _named(published.get(key, {}), proposed.get(key, {}), here)
            else:
                yield from _breaks(published.get(key), proposed.get(key), here)
    elif isinstance(published, list) and isinstance(proposed, list) and len(published) == len(proposed):
        for index, (before, after) in enumerate(zip(published, proposed, strict=True)):
            yield from _breaks(before, after, f"{where}/{index}")
    elif published != proposed:
        yield f"{where or '/'} was {published!r} and would be {proposed!r}"


def _named(published: dict[str, Any], proposed: dict[str, Any], where: str) -> Iterator[str]:
    """Properties and definitions: each published one must stay; further ones do no harm by themselves."""
    for name, before in published.items():
        if name not in proposed:
            yield f"{where}/{name} would be gone"
        else:
            yield from _breaks(before, proposed[name], f"{where}/{name}")
