"""Follows the pages of lists and of feeds."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import httpx

from sagecert_client.problem import Unreadable
from sagecert_client.request import FeedRequest, PagedRequest

_R = TypeVar("_R", bound=PagedRequest[Any, Any])
_NEXT: Final = re.compile(r'<[^>]*[?&]after=([0-9]+)[^>]*>; rel="next"')
FEED_WAIT_SECONDS: Final = 30
EMPTY_AFTER_SECONDS: Final = 1.0
"""A server that answers sooner with no event does not wait for events. The client pauses before it asks again."""


def following(request: _R, answer: object) -> _R | None:
    """The request of the next page; None: this is the last. Raises `Unreadable` for what is no page, or has no end."""
    if not isinstance(answer, dict) or not isinstance(answer.get(request.items), list) or "next" not in answer:
        raise Unreadable(f"{request.named}: the answer is no page of {request.items}")
    after = answer["next"]
    if after is None:
        return None
    if ("after", str(after)) in request.query:
        raise Unreadable(f"{request.named}: the page after {after} is followed by itself")
    return replace(request, query=_with(request.query, after=str(after)))


def waiting(request: FeedRequest[Any]) -> FeedRequest[Any]:
    """The request that waits for events where there are none."""
    return replace(request, query=_with(request.query, timeout=str(FEED_WAIT_SECONDS)))


def further(request: FeedRequest[Any], response: httpx.Response) -> FeedRequest[Any]:
    """The request of what follows an answer of a feed."""
    found = _NEXT.search(response.headers.get("link", ""))
    return request if found is None else replace(request, query=_with(request.query, after=found[1]))


def _with(query: Sequence[tuple[str, str]], **parameters: str) -> list[tuple[str, str]]:
    return [*((name, value) for name, value in query if name not in parameters), *parameters.items()]
