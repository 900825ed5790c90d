"""The headers of calls about webhook endpoints: If-Match, Idempotency-Key."""

import re
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request
from pydantic import WithJsonSchema

from services.compliance.refusals import InvalidQuery
from services.web.comma_list_header import listed
from services.web.preconditions import Expected, expected
from services.web.refusal import IdempotencyKeyMissing

_KEY: Final = re.compile(r"[\x21-\x7E]{1,255}")
_TEXT: Final[dict[str, Any]] = {"type": "string"}


def _expected(
    request: Request,
    _if_match: Annotated[
        list[str] | None,
        Header(alias="if-match", description="Only if the `ETag` of the endpoint is one of these; 412 otherwise."),
        WithJsonSchema(_TEXT),
    ] = None,
) -> Expected:
    """What the caller has seen. Raises `InvalidQuery`."""
    written = listed(request.headers, "if-match")
    try:
        return expected(written) if written else None
    except ValueError as error:
        raise InvalidQuery(f"The header If-Match is not acceptable: {error}.", "if-match") from None


def _idempotency_key(
    request: Request,
    _key: Annotated[
        list[str] | None,
        Header(alias="idempotency-key", description="One key is one endpoint: the same call again registers no other."),
        WithJsonSchema({"type": "string", "pattern": r"^[\x21-\x7E]{1,255}$"}),
    ] = None,
) -> str | None:
    """The key, if there is one. Raises `IdempotencyKeyMissing`."""
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        detail = "Send one Idempotency-Key, of 1 to 255 visible ASCII characters."
        raise IdempotencyKeyMissing(detail, "idempotency-key")
    return keys[0]


TheExpected = Annotated[Expected, Depends(_expected)]
TheIdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]
