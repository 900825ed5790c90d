"""Somebody who reports facts to the certification service."""

from itertools import count
from typing import Any

import httpx
from fastapi import FastAPI

_numbers = count(1)

PREFIX = "/certification/v1/"


class Caller:
    """Paths are those after /certification/v1/."""

    def __init__(self, http: httpx.AsyncClient, app: FastAPI) -> None:
        self.http = http
        self.app = app

    async def post(self, path: str, /, key: str | None = None, **body: Any) -> httpx.Response:
        """Posts a fact, under a key of its own unless one is given."""
        headers = {"Idempotency-Key": key or f"key-{next(_numbers)}"}
        return await self.http.post(PREFIX + path, json=body, headers=headers)

    async def get(self, path: str, /, **query: Any) -> Any:
        """The answer to a question that has one."""
        response = await self.http.get(PREFIX + path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    async def status(self, path: str, /, **query: Any) -> int:
        """The status of the answer."""
        return (await self.http.get(PREFIX + path, params=query)).status_code

    async def log(self) -> list[dict[str, Any]]:
        """The whole log."""
        found: list[dict[str, Any]] = await self.get("events", limit=1000)
        return found

    async def register(self, registration: str, consultant: str = "C1", **more: Any) -> httpx.Response:
        """Registers for the exam for S200P, unless another product is named."""
        body = {"registration_id": registration, "consultant_id": consultant, "product": "S200P", **more}
        return await self.post("exam-registrations", **body)

    async def score(self, registration: str, attempt: int, score: str, **more: Any) -> httpx.Response:
        """Scores an attempt."""
        return await self.post(f"exam-registrations/{registration}/attempts", attempt=attempt, score=score, **more)

    async def correct(self, registration: str, attempt: int, score: str, **more: Any) -> httpx.Response:
        """Corrects the score of an attempt."""
        path = f"exam-registrations/{registration}/attempts/{attempt}/corrections"
        return await self.post(path, score=score, reason="re-marked", **more)

    async def course(self, consultant: str = "C1", **more: Any) -> httpx.Response:
        """The course for S200P was completed."""
        return await self.post("course-completions", consultant_id=consultant, product="S200P", **more)


def kind_of(response: httpx.Response) -> str:
    """The last part of the type of a problem."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    kind: str = response.json()["type"]
    return kind.rpartition(":")[2]
