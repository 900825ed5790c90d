"""What holds for every JSON body, whoever reads it."""

import json
from contextlib import suppress
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError


async def refuse_doubled_names(request: Request) -> bytes:
    """The body. Raises `RequestValidationError` where an object says a field twice: nobody can tell which is meant.

    What is not JSON at all is refused elsewhere.
    """
    body = await request.body()
    with suppress(ValueError, RecursionError):
        _BODY.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    return body


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) == len(names):
        return
    doubled = next(name for name in names if names.count(name) > 1)
    where = ("body", doubled.encode(errors="replace").decode())
    raise RequestValidationError([{"type": "doubled", "loc": where, "msg": "it is given twice", "input": None}])


_BODY: Final = json.JSONDecoder(object_pairs_hook=_distinct)
