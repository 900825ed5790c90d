"""Headers of every answer, errors and pages included."""

from collections.abc import Iterable
from typing import Final

from starlette.types import Message, Send

RawHeaders = list[tuple[bytes, bytes]]

_UNLESS_SET: Final = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}
"""Defaults: an answer is data about partners and people, and no page."""

_SANDBOX: Final = (b"x-sandbox", b"true")


def completed(headers: Iterable[tuple[bytes, bytes]], *, sandbox: bool) -> RawHeaders:
    """The headers of an answer, whose names are in lower case, with those that every answer has."""
    given = list(headers)
    names = {name for name, _ in given}
    given += [header for header in _UNLESS_SET.items() if header[0] not in names]
    if sandbox:
        given.append(_SANDBOX)
    return given


def completing(send: Send, *, sandbox: bool) -> Send:
    """Sends an answer with the headers that every answer has."""

    async def complete(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = completed(message.get("headers", ()), sandbox=sandbox)
        await send(message)

    return complete
