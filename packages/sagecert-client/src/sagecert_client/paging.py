"""Follows the pages of lists and of feeds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import httpx

from sagecert_client.request import FeedRequest, Request

_R = TypeVar("_R", bound=Request[Any])
_NEXT: Final = re.compile(r'<[^>]*[?&]after=([0-9]+)[^>]*>; rel="next"')
FEED_WAIT_SECONDS: Final = 30


def following(request: _R, answer: Mapping[str, Any]) -> _R | None:
    """The request of the next page; None: this is the last."""
    after = answer["next"]
    return None if after is None else replace(request, query=_with(request.query, after=str(after)))


def waiting(request: FeedRequest[Any]) -> FeedRequest[Any]:
    """The request that waits for events where there are none."""
    return replace(request, query=_with(request.query, timeout=str(FEED_WAIT_SECONDS)))


def further(request: FeedRequest[Any], response: httpx.Response) -> FeedRequest[Any]:
    """The request of what follows an answer of a feed."""
    found = _NEXT.search(response.headers.get("link", ""))
    return request if found is None else replace(request, query=_with(request.query, after=found[1]))


def _with(query: Sequence[tuple[str, str]], **parameters: str) -> list[tuple[str, str]]:
    return [*((name, value) for name, value in query if name not in parameters), *parameters.items()]
