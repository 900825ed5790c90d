"""Reads the fact log of a running system as it was known at an instant, page by page."""

import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

import click

from services.cli.http_without_redirects import PASSING, open_call, origin_and_headers
from shared.events.facts import TOPIC_OF, FactVoided

PAGE_FACTS: Final = 1_000
_ANSWER_SECONDS_MAX: Final = 60
_ANSWER_BYTES_MAX: Final = 64 << 20
_PAUSES_SECONDS: Final = (1, 2, 4, 8, 15, 30)
_NEXT: Final = re.compile(r'<([^>]+)>; rel="next"')

VOIDED: Final = TOPIC_OF[FactVoided]


class RecordedFact(NamedTuple):
    """One fact of the log. `topic`: its whole type."""

    position: int
    fact_id: str
    topic: str
    effective_at: datetime
    recorded_at: datetime
    data: dict[str, Any]


class LogReader:
    """Reads the facts of one system. `sleep`: between tries. Raises `Unreachable` for an address that is none."""

    def __init__(self, url: str, api_key: str | None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url, self._headers = origin_and_headers(url, api_key)
        self._sleep = sleep

    def facts(self, topics: Collection[str], known_at: datetime | None) -> Iterator[RecordedFact]:
        """The facts of these types and the voids, recorded by `known_at`, in log order; None: all. Raises `click`'s."""
        query = [("after", "0"), ("limit", str(PAGE_FACTS)), *(("type", topic) for topic in sorted({*topics, VOIDED}))]
        target: str | None = f"/certification/v1/events?{urllib.parse.urlencode(query)}"
        seen = ""
        while target is not None and target != seen:
            seen = target
            events, target = self._page(target)
            for event in events:
                fact = _fact(event)
                if known_at is not None and fact.recorded_at > known_at:
                    return
                yield fact

    def _page(self, target: str) -> tuple[list[dict[str, Any]], str | None]:
        """The facts of a page and the target of the next; None: the log ends here."""
        for pause in (*_PAUSES_SECONDS, None):
            try:
                request = urllib.request.Request(self._url + target, headers=self._headers)
                with open_call(request, _ANSWER_SECONDS_MAX) as response:
                    events = json.loads(response.read(_ANSWER_BYTES_MAX))
                    following = _NEXT.search(response.headers.get("Link", ""))
                    return events, following[1] if following else None
            except urllib.error.HTTPError as refusal:
                with refusal:
                    problem = f"{refusal.code} {refusal.reason}"
                if refusal.code not in PASSING:
                    raise click.ClickException(f"{self._url} refuses to show the log: {problem}.") from None
            except (OSError, http.client.HTTPException, ValueError) as error:
                problem = str(error) or type(error).__name__
            if pause is None:
                raise click.ClickException(f"{self._url} does not answer: {problem}. Run the command again later.")
            self._sleep(pause)
        raise AssertionError("the last pause is none")


def _fact(event: dict[str, Any]) -> RecordedFact:
    return RecordedFact(
        event["position"],
        event["id"],
        event["type"],
        datetime.fromisoformat(event["time"]),
        datetime.fromisoformat(event["recordedtime"]),
        event["data"],
    )
