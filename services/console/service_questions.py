"""Questions to the services: over their public interfaces, with the key of the session, bounded in time and number."""

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from services.console.dates import plain
from services.console.service_client import Reply, Services, Unanswered

QUESTIONS_MAX: Final = 5
"""Questions of one page in all, beside the one that checks the key of its visitor."""

_UNREACHABLE: Final = "The service does not answer at present. Try again in a moment."
_TOO_SLOW: Final = "The service did not answer in time. Try again, or ask for less."
_NO_ANSWER: Final = {
    "slow": (504, {"title": "Too slow", "detail": _TOO_SLOW}),
    "away": (503, {"title": "Unreachable", "detail": _UNREACHABLE}),
}

Json = Any
"""What a service answers, decoded."""


class Refused(Exception):
    """A service refuses or fails. `detail`: its sentence. `errors`: by field. `problem`: the whole (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.title = str(problem.get("title") or "The service refused")
        self.detail = plain(str(problem.get("detail") or self.title))
        self.rule = problem.get("rule")
        self.errors = [error for error in problem.get("errors", ()) if isinstance(error, dict)]
        super().__init__(self.detail)

    @property
    def wrong_fields(self) -> list[tuple[str, str]]:
        """Names of fields and what is wrong with each, as far as the sentence does not say it."""
        wrong = ((name, self.about(name)) for name in map(_name_of, self.errors) if name)
        return [(name, text) for name, text in wrong if text and plain(text) not in self.detail]

    def about(self, name: str) -> str | None:
        """What is wrong with the field of this name."""
        for error in self.errors:
            if name == _name_of(error):
                return _plainly(str(error.get("expected") or error.get("detail") or self.detail))
        return self.detail if self.problem.get("parameter") == name else None


class SignedOut(Exception):
    """The services do not take the key of the session, or want one where there is none."""


def _name_of(error: Mapping[str, Any]) -> str | None:
    """The field or parameter that an error is about."""
    return next((error[member] for member in ("field", "parameter", "name") if error.get(member)), None)


def _plainly(expected: str) -> str:
    """What is expected, without the patterns that only programmers read."""
    return "It has a form that is not accepted here." if "match pattern" in expected else expected.replace("`", "")


class Panel(NamedTuple):
    """The answer to a question, or the problem in its place: a part of a page that can fail alone."""

    data: Json | None
    problem: Refused | None


class Questions:
    """What one page asks, with the key of its visitor; None: without a key. Each question can raise `SignedOut`.

    `count`: of its questions so far. `sandbox`: whether the services are one, once they knew the visitor.
    """

    def __init__(self, services: Services, key: str | None) -> None:
        self._services = services
        self._key = key
        self.count = 0
        self.sandbox = False

    async def get(self, url: str, **params: Any) -> Json:
        """The decoded answer. Parameters that are None or empty are left out. Raises `Refused`."""
        return await self._asked("GET", url, params=params)

    async def text(self, url: str, **params: Any) -> str:
        """The answer as it is written, such as a signed note. Raises `Refused`."""
        answer = await self._answer("GET", url, params=params)
        return answer.content.decode("utf-8", "replace")

    async def panel(self, url: str, **params: Any) -> Panel:
        """The answer, or the problem in its place."""
        return await panel_of(self.get(url, **params))

    async def post(
        self,
        url: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        media_type: str = "application/json",
    ) -> Json:
        """What the service answers to this body. `key`: the idempotency key. Raises `Refused`."""
        return await self._asked("POST", url, body=body, key=key, media_type=media_type)

    async def put(self, url: str, body: Mapping[str, Any], *, key: str | None = None) -> Json:
        """As `post`."""
        return await self._asked("PUT", url, body=body, key=key)

    async def patch(self, url: str, body: Mapping[str, Any], *, key: str | None = None) -> Json:
        """As `post`."""
        return await self._asked("PATCH", url, body=body, key=key)

    async def delete(self, url: str) -> Json:
        """As `post`."""
        return await self._asked("DELETE", url)

    async def together(self, **questions: Coroutine[Any, Any, Json]) -> dict[str, Json]:
        """The answers by name, asked concurrently. Raises the `Refused` of the first that is refused."""
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(_outcome(question)) for name, question in questions.items()}
        outcomes = {name: task.result() for name, task in tasks.items()}
        for outcome in outcomes.values():
            if isinstance(outcome, Refused | SignedOut):
                raise outcome
        return outcomes

    async def knows_the_visitor(self) -> bool:
        """Whether the services take the key, or its absence. Raises `Refused` if they cannot say.

        A method that no path takes is refused with 405, after the key was checked.
        """
        answer = await self._reply("OPTIONS", "/compliance/v1/partners", self._headers())
        if answer.status == 503:
            raise _refused(answer)
        self.sandbox = "x-sandbox" in answer.headers
        return answer.status != 401

    async def _asked(self, method: str, url: str, **asked: Any) -> Json:
        answer = await self._answer(method, url, **asked)
        if not answer.content:
            return None
        try:
            return msgspec.json.decode(answer.content)
        except msgspec.DecodeError:
            raise Refused(502, {"title": "No answer", "detail": _UNREACHABLE}) from None

    async def _answer(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
        media_type: str = "application/json",
    ) -> Reply:
        self.count += 1
        if self.count > QUESTIONS_MAX:
            raise RuntimeError(f"a page asks at most {QUESTIONS_MAX} questions")
        headers = self._headers()
        if key is not None:
            headers["Idempotency-Key"] = key
        content = b""
        if body is not None:
            headers["Content-Type"] = media_type
            content = msgspec.json.encode(body)
        given = {name: value for name, value in (params or {}).items() if value not in (None, "")}
        address = f"{url}?{urlencode(given, doseq=True)}" if given else url
        answer = await self._reply(method, address, headers, content)
        if answer.status == 401:
            raise SignedOut
        if answer.status >= 400:
            raise _refused(answer)
        return answer

    async def _reply(self, method: str, address: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        try:
            return await self._services.ask(method, address, headers, body)
        except Unanswered as unanswered:
            raise Refused(*_NO_ANSWER[unanswered.why]) from None

    @property
    def authorization(self) -> dict[str, str]:
        """The header that says who asks."""
        return {} if self._key is None else {"Authorization": f"Bearer {self._key}"}

    def _headers(self) -> dict[str, str]:
        return {"Accept": "application/json", **self.authorization}


def path(template: str, *parts: str) -> str:
    """The template with its `{}` replaced by the parts, encoded: no id leads to another path."""
    return template.format(*(quote(part, safe="").replace(".", "%2E") for part in parts))


async def panel_of(question: Awaitable[Json]) -> Panel:
    """The answer to the question, or the problem in its place."""
    try:
        return Panel(await question, None)
    except Refused as refused:
        return Panel(None, refused)


async def _outcome(question: Coroutine[Any, Any, Json]) -> Json | Refused | SignedOut:
    try:
        return await question
    except (Refused, SignedOut) as problem:
        return problem


def _refused(answer: Reply) -> Refused:
    try:
        problem = msgspec.json.decode(answer.content, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        problem = {}
    return Refused(answer.status, problem or {"title": "No answer", "detail": _UNREACHABLE})
