"""Decides whether and when to retry a call; sends nothing."""

from dataclasses import dataclass
from random import random
from typing import Final

import httpx

from sagecert_client.problem import Unreachable, refusal
from sagecert_client.request import Request

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same call may be answered."""
RETRY_AFTER_SECONDS_MAX: Final = 60.0


@dataclass(frozen=True)
class Retries:
    """How often a call is made at most, and how long is waited in between: doubled each time, up to a maximum.

    A call that could do something twice is made again only where no connection came about.
    """

    attempts_max: int = 5
    first_wait_seconds: float = 0.5
    wait_seconds_max: float = 15.0

    def seconds_before_next(self, request: Request[object], attempt: int, outcome: httpx.Response | Exception) -> float:
        """How long to wait after this attempt, counted from 1. Raises the error of a call that is not made again."""
        response = outcome if isinstance(outcome, httpx.Response) else None
        connected = not isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
        again = (response is None or response.status_code in PASSING) and (request.repeatable or not connected)
        if attempt >= self.attempts_max or not again:
            if response is not None:
                raise refusal(response)
            raise Unreachable(f"{request.named}: {str(outcome) or type(outcome).__name__}") from None
        wait = min(self.first_wait_seconds * 2.0 ** (attempt - 1), self.wait_seconds_max)
        advised = 0.0 if response is None else _advised_seconds(response)
        return max(wait * (1 - random() / 4), advised)


def _advised_seconds(response: httpx.Response) -> float:
    written = response.headers.get("retry-after", "")
    return min(float(written), RETRY_AFTER_SECONDS_MAX) if written.isdecimal() and len(written) < 6 else 0.0
