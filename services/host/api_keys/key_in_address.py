"""A key in the query of an address, for programs that send no header: calendars and readers of feeds."""

from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from services.host.refused_request import RefusedRequest
from services.web.problem_details import Problem, malformed

PARAMETER: Final = "key"
_GIVEN_TWICE: Final[Problem] = malformed("The key is given twice: send it once.", PARAMETER)


def take_key(scope: Scope, authorization: bytes | None) -> bytes | None:
    """Takes the key out of the query, so that nothing behind the guard sees it; None: there is none.

    Raises `RefusedRequest` where another key is sent, too: nobody could tell which is meant.
    """
    query: bytes = scope["query_string"]
    if b"key=" not in query:
        return None
    keys: list[bytes] = []
    others: list[bytes] = []
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        (keys if name == b"key" else others).append(value if name == b"key" else pair)
    if not keys:
        return None
    scope["query_string"] = b"&".join(others)
    if len(keys) > 1 or authorization is not None:
        raise RefusedRequest(_GIVEN_TWICE)
    return unquote_to_bytes(keys[0])
