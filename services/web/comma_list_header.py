"""Headers that are lists: over several lines they are one list (RFC 9110, section 5.3)."""

from starlette.datastructures import Headers


def listed(headers: Headers, name: str) -> str:
    """The members, separated by commas; empty without such a header."""
    return ", ".join(headers.getlist(name))
