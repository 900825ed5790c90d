"""Headers of every answer, errors and pages included."""

from collections.abc import Iterable
from typing import Final

RawHeaders = list[tuple[bytes, bytes]]

_ALWAYS: Final[RawHeaders] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_UNLESS_SET: Final = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}
"""Defaults: an answer is data about partners and people, and no page."""

_SANDBOX: Final = (b"x-sandbox", b"true")


def completed(headers: Iterable[tuple[bytes, bytes]], *, sandbox: bool) -> RawHeaders:
    """The headers of an answer, whose names are in lower case, with those that every answer has."""
    given = list(headers)
    names = {name for name, _ in given}
    given += _ALWAYS
    given += [header for header in _UNLESS_SET.items() if header[0] not in names]
    if sandbox:
        given.append(_SANDBOX)
    return given
