"""The errors of a call."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx


class SagecertError(Exception):
    """A call was refused, or never answered."""


class Unreachable(SagecertError):
    """No answer came, however often it was tried. Whether a fact was recorded is not known: send the request again."""


class Unreadable(SagecertError):
    """What came is no answer of this system, but a page of a proxy, perhaps. A fact can be sent again."""


class Refused(SagecertError):
    """The system answered with a problem (RFC 9457).

    `type`: such as `another-score-recorded`; empty where the status says it all. `rule`: the id of the rule that
    refused. `errors`: every field at fault, with `place`, `parameter`, `expected` and perhaps an `example`. `body`: the
    whole document.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.body = body
        self.type = str(body.get("type", "")).removeprefix("urn:sagecert:problem:").removeprefix("about:blank")
        self.title = str(body.get("title", ""))
        self.detail = str(body.get("detail", ""))
        self.rule: str | None = body.get("rule")
        self.errors: Sequence[Mapping[str, Any]] = body.get("errors", ())
        super().__init__(f"{status} {self.type or self.title}: {self.detail}")


def read(content: bytes | str, kind: type | tuple[type, ...], asked: str) -> Any:
    """The JSON value of this kind in an answer to what was `asked`. Raises `Unreadable`."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise Unreadable(f"{asked}: the answer is no JSON, and begins with {content[:80]!r}") from None
    if not isinstance(value, kind):
        raise Unreadable(f"{asked}: the answer is a {type(value).__name__}, which this call is not answered with")
    return value


def refusal(response: httpx.Response) -> Refused:
    """The refusal in an answer that was read; also of a proxy that sends no problem document."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        body = {"title": response.reason_phrase, "detail": response.text[:500]}
    return Refused(response.status_code, body)
