"""The errors of a call."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx


class SagecertError(Exception):
    """A call was refused, or never answered."""


class Unreachable(SagecertError):
    """No answer came, however often it was tried. Whether a fact was recorded is not known: send the request again."""


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


def refusal(response: httpx.Response) -> Refused:
    """The refusal in an answer that was read; also of a proxy that sends no problem document."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {"title": response.reason_phrase, "detail": response.text[:500]}
    return Refused(response.status_code, body)
