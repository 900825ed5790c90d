"""Calls to the services: to those of this process without a detour, to those elsewhere over HTTP."""

import asyncio
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import httpx
from starlette.types import ASGIApp

from services.console.in_process import InProcess, call

_ORIGIN: Final = "http://localhost"
"""The origin of services in this process; a system without keys answers to no other name."""
_CONNECTIONS_MAX: Final = 64


class Reply(NamedTuple):
    """A whole answer, whatever its status. `headers`: by lower-case name."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Unanswered(Exception):
    """There is no answer. `why`: none came in time, or the service cannot be reached."""

    def __init__(self, why: Literal["slow", "away"]) -> None:
        self.why = why
        super().__init__(why)


class Services:
    """The services behind one origin. `app`: them in this process; else `origin` names where they are.

    `seconds_max`: the deadline of a call. `questions_max`: how many wait for an answer at the same time.
    `client`: for answers that are passed on as they come.
    """

    def __init__(self, app: ASGIApp | None, origin: str | None, *, seconds_max: float, questions_max: int) -> None:
        self._app = app
        self._seconds_max = seconds_max
        self._free = asyncio.Semaphore(questions_max)
        timeout = httpx.Timeout(seconds_max)
        if app is not None:
            self.client = httpx.AsyncClient(transport=InProcess(app), base_url=_ORIGIN, timeout=timeout)
        elif origin is not None:
            limits = httpx.Limits(max_connections=_CONNECTIONS_MAX, max_keepalive_connections=questions_max)
            self.client = httpx.AsyncClient(base_url=origin, timeout=timeout, limits=limits, trust_env=False)
        else:
            raise ValueError("no services run in this process: set services_url")

    async def ask(self, method: str, address: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """The answer. `address`: the path, encoded, and its query. Raises `Unanswered`."""
        try:
            async with asyncio.timeout(self._seconds_max), self._free:
                if self._app is not None:
                    return Reply(*await call(self._app, method, address, headers, body))
                answer = await self.client.request(method, address, headers=headers, content=body or None)
                return Reply(answer.status_code, answer.headers, answer.content)
        except TimeoutError:
            raise Unanswered("slow") from None
        except httpx.HTTPError:
            raise Unanswered("away") from None
