"""Sends batches to a running system until each line has its answer, whatever breaks in between."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from services.cli.http_without_redirects import PASSING, Unreachable, open_call, origin_and_headers

LINES_MAX: Final = 10_000
BYTES_MAX: Final = 12 << 20
"""A batch has at most 16 MiB."""
_ANSWER_SECONDS_MAX: Final = 120
_PAUSE_SECONDS_MAX: Final = 30
_ANSWER_BYTES_MAX: Final = 1 << 20


class LineAnswer(NamedTuple):
    """The answer to a line, as the single call would be answered. `replayed`: an earlier call recorded the fact."""

    status: int
    body: dict[str, Any]
    replayed: bool


class BatchClient:
    """Sends lines of batches to one system.

    `history`: the facts are loaded afterwards. `validate_only`: nothing is recorded. `patience_seconds`: so long it
    tries again while no line is answered. `on_wait`: called with the reason when it begins to wait. Raises
    `Unreachable` for an address that is none.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        *,
        history: bool = False,
        validate_only: bool = False,
        patience_seconds: float = 300,
        sleep: Callable[[float], None] = time.sleep,
        on_wait: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        origin, headers = origin_and_headers(url, api_key)
        asked = [f"{name}=true" for name, given in (("history", history), ("validate_only", validate_only)) if given]
        self._url = f"{origin}/certification/v1/batches" + (f"?{'&'.join(asked)}" if asked else "")
        self._headers = {"Content-Type": "application/x-ndjson", **headers}
        self._patience_seconds = patience_seconds
        self._sleep = sleep
        self._on_wait = on_wait

    def send(self, lines: Sequence[bytes]) -> list[LineAnswer]:
        """The answers to at most `LINES_MAX` lines and `BYTES_MAX` bytes, in order.

        What has no answer yet is sent again: the keys keep facts from being recorded twice. Raises `Unreachable`.
        """
        answers: list[LineAnswer | None] = [None] * len(lines)
        pause, waited = 1.0, 0.0
        while open_places := [place for place, answer in enumerate(answers) if answer is None]:
            advised, problem = None, "it answered fewer lines than it was sent"
            answered = False
            try:
                for place, answer in zip(
                    open_places, self._post([lines[place] for place in open_places]), strict=False
                ):
                    if answer.status != 503:
                        answers[place] = answer
                        answered = True
                    else:
                        problem = _detail(answer.body)
            except _TryAgain as again:
                advised, problem = again.seconds, str(again)
            if answered:
                pause, waited = 1.0, 0.0
                continue
            seconds = min(advised or pause, _PAUSE_SECONDS_MAX)
            if waited + seconds > self._patience_seconds:
                raise Unreachable(f"{self._url} does not answer: {problem}. Run the command again later.")
            if not waited:
                self._on_wait(f"{self._url} does not answer: {problem}")
            self._sleep(seconds)
            waited, pause = waited + seconds, pause * 2
        return [answer for answer in answers if answer is not None]

    def _post(self, lines: Sequence[bytes]) -> Iterator[LineAnswer]:
        """The answers as they come. Raises `_TryAgain`, and `Unreachable` for a refusal of the whole batch."""
        request = urllib.request.Request(self._url, b"\n".join(lines) + b"\n", self._headers, method="POST")
        try:
            with open_call(request, _ANSWER_SECONDS_MAX) as response:
                while line := response.readline(_ANSWER_BYTES_MAX):
                    answer = _decode(line)
                    yield LineAnswer(answer.status, answer.body, answer.replayed)
        except urllib.error.HTTPError as refusal:
            with refusal:
                detail = _detail(_json(refusal))
            if refusal.code in PASSING:
                advised = refusal.headers.get("Retry-After", "")
                raise _TryAgain(detail, float(advised) if advised.isdecimal() else None) from None
            raise Unreachable(f"{self._url} refuses the call ({refusal.code}): {detail}") from None
        except urllib.error.URLError as problem:
            raise _TryAgain(str(problem.reason)) from None
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as problem:
            raise _TryAgain(str(problem) or type(problem).__name__) from None


class _TryAgain(Exception):
    def __init__(self, problem: str, seconds: float | None = None) -> None:
        super().__init__(problem)
        self.seconds = seconds


class _Answer(msgspec.Struct, frozen=True):
    line: int
    status: int
    body: dict[str, Any]
    replayed: bool = False


_decode: Final = msgspec.json.Decoder(_Answer).decode


def _json(refusal: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        body = json.loads(refusal.read(_ANSWER_BYTES_MAX))
    except (ValueError, OSError, http.client.HTTPException):
        return {}
    return body if isinstance(body, dict) else {}


def _detail(body: dict[str, Any]) -> str:
    """Every fault that a problem names, in one text."""
    errors = [f"{error.get('parameter')}: {error.get('expected')}" for error in body.get("errors", ())]
    return "; ".join(errors) or str(body.get("detail") or body.get("title") or "without a reason")


def refusal_text(answer: LineAnswer) -> str:
    """Why a line is refused, every fault of it."""
    return _detail(answer.body)
