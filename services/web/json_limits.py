"""Limits on the shape of a JSON text, checked before it is parsed, in one pass over its bytes."""

import json
import re
from typing import Final

from services.web.problem_details import TYPE_PREFIX, Problem, malformed

DEPTH_MAX: Final = 32
"""Brackets open at once in a JSON body; no call of the contract needs more than three."""
PARTS_MAX: Final = 8_000
"""Commas and opening brackets of a JSON body, in strings too: they bound the work of parsing it."""

_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)

TOO_MANY_PARTS: Final = Problem(
    TYPE_PREFIX + "too-large", "Too large", 413, f"A body has at most {PARTS_MAX} commas and opening brackets."
)
TOO_DEEP: Final = malformed(f"The body nests deeper than {DEPTH_MAX} levels.")
NOT_UTF_8: Final = malformed("The body is not UTF-8: send JSON in that encoding (RFC 8259, section 8.1).")


def shape_problem(body: bytes) -> Problem | None:
    """Why the text is refused before it is parsed; None: its size, depth and encoding are acceptable."""
    opening = body.count(b"[") + body.count(b"{")
    if opening + body.count(b",") > PARTS_MAX:
        return TOO_MANY_PARTS
    if opening > DEPTH_MAX and depth(body) > DEPTH_MAX:
        return TOO_DEEP
    return None if is_utf_8(body) else NOT_UTF_8


def is_utf_8(body: bytes) -> bool:
    """JSON in UTF-16 or UTF-32 is not, though its bytes can be read so. A byte order mark is let pass."""
    if body.isascii():
        return b"\0" not in body or json.detect_encoding(body).startswith("utf-8")
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return json.detect_encoding(body).startswith("utf-8")


def depth(body: bytes) -> int:
    """How many brackets are open at once at most, not counting those in strings. Ends beyond `DEPTH_MAX`."""
    opened = deepest = 0
    for token in _STRING_OR_BRACKET.finditer(body):
        if token[0] in b"[{":
            opened += 1
            if opened > deepest:
                deepest = opened
                if deepest > DEPTH_MAX:
                    break
        elif token[0] in b"]}":
            opened -= 1
    return deepest
