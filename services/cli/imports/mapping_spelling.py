"""Unknown names and words of a mapping, each with suggestions."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

import msgspec
from msgspec import inspect

_KNOWN_SHOWN_MAX: Final = 20


def misspelt(mapping: type[msgspec.Struct], document: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each name that the struct has no room for, and for each word that is none of its choices.

    `document`: as it is decoded from TOML. Faults of other kinds are passed over.
    """
    described = inspect.type_info(mapping)
    yield from _misspelt(described, document, "")


def _misspelt(described: inspect.Type, value: Any, place: str) -> Iterator[str]:
    match described, value:
        case inspect.StructType(fields=fields), dict():
            known = {field.encode_name: field.type for field in fields}
            for name, member in value.items():
                if name in known:
                    yield from _misspelt(known[name], member, f"{place}.{name}" if place else name)
                else:
                    yield f"{_in(place)}{_nobody_knows(name, list(known))}"
        case inspect.DictType(value_type=value_type), dict():
            for name, member in value.items():
                yield from _misspelt(value_type, member, f"{place}.{name}")
        case inspect.ListType(item_type=item_type), list():
            for number, member in enumerate(value, start=1):
                yield from _misspelt(item_type, member, f"{place} {number}")
        case inspect.LiteralType(values=choices), str() if value not in choices:
            yield f"{place}: {_nobody_knows(value, [str(choice) for choice in choices])}"


def _in(place: str) -> str:
    return f"{place}: " if place else ""


def _nobody_knows(name: str, known: list[str]) -> str:
    near = get_close_matches(name[:80], known, n=1)
    advice = f"perhaps {near[0]} is meant; " if near else ""
    return f"{name[:80]!r} means nothing here: {advice}there is {', '.join(known[:_KNOWN_SHOWN_MAX])}"
