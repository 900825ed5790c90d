"""A form that was filled in while the session ended: kept through signing in, and shown again to be sent."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

CSRF_FIELD: Final = "csrf"

_PATH: Final = re.compile(r"/record/[a-z\-]{1,40}")
"""Of the forms whose fields are kept: those to record a fact, where typing takes longest."""
_NOT_KEPT: Final = (CSRF_FIELD, "step")


class Draft(msgspec.Struct, frozen=True):
    """`path`: of the form. `fields`: every value of each field."""

    path: str
    fields: dict[str, list[str]]


def is_kept(path: str) -> bool:
    """Whether what is typed into the form at this path is kept."""
    return _PATH.fullmatch(path) is not None


def written(path: str, typed: Mapping[str, list[str]]) -> str:
    """What was typed, as the value of one field."""
    kept = {name: values for name, values in typed.items() if name not in _NOT_KEPT}
    return msgspec.json.encode(Draft(path, kept)).decode()


def read(text: str | None) -> Draft | None:
    """The draft of a field; None if it holds none."""
    try:
        draft = msgspec.json.decode(text or "", type=Draft)
    except msgspec.DecodeError:
        return None
    return draft if is_kept(draft.path) else None
