"""How many questions each page asks, counted before the door of the services, over the story of the demo."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.console.app import create_app
from services.console.settings import ConsoleSettings
from services.host.demo.seed import Caller, SeedResult, seed
from tests.browser.addresses import ADDRESSES, ids
from tests.console.html import token
from tests.systems import System

QUESTIONS_MAX: Final = 5
PRESENT: Final = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)

_THEN: Final = "2026-11-20T12:00:00Z"
_OTHER_MOMENTS: Final = (
    f"at={_THEN}",
    f"known_at={_THEN}",
    f"at={_THEN}&known_at={_THEN}",
    f"at={_THEN}&known_position=60",
    "at=2027-06-01T12:00:00Z",
    "known_position=1",
)
_SEEN_OTHERWISE: Final = (
    *(f"/partners/cedar?{moment}" for moment in (*_OTHER_MOMENTS, "known_at=2099-01-01T00:00:00Z")),
    *(f"/people/jude?{moment}" for moment in _OTHER_MOMENTS[:-1]),
    *(f"/{page}?{moment}" for page in ("partners", "people", "policy") for moment in _OTHER_MOMENTS),
    *(f"/portal-changes/portal-2?{moment}" for moment in _OTHER_MOMENTS[:2]),
    *(f"/people/{person}" for person in ("hugo", "ada", "ben")),
    *("/partners?q=ce", "/partners?status=suspended", "/partners?due=2027-01-01", "/people?q=ju"),
    *("/log?q=cedar", "/log?q=nothing", "/log?q=local-key", "/log?type=attempt-scored", "/log?about=cedar"),
    *("/record/suggestions/partners?q=ce", "/partners/harbour", "/audit-trail"),
)
_PREVIEWED: Final[Mapping[str, Mapping[str, str]]] = {
    "departure": {"partner_id": "Cedar", "consultant_id": "jude", "reason": "moved"},
    "merger": {"partner_id": "cedar", "into": "harbour"},
    "policy-revision": {"policy_id": "2027", "window_days": "45", "reason": "asked for"},
    "score": {"registration_id": "r-1", "attempt": "3", "score": "x"},
}


class CountingDoor:
    """Passes calls on to the services of the system. `asked`: the questions since the last page."""

    def __init__(self, system: System) -> None:
        self._client = httpx.AsyncClient(base_url=system.url, timeout=60)
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        address = f"{scope['raw_path'].decode()}?{scope['query_string'].decode()}".rstrip("?")
        if request.method != "OPTIONS":  # that is how the key of the visitor is checked
            self.asked.append(f"{request.method} {address}")
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        found = await self._client.request(request.method, address, headers=headers, content=await request.body())
        passed = {name: value for name, value in found.headers.items() if name in ("content-type", "x-sandbox")}
        await Response(found.content, found.status_code, passed)(scope, receive, send)

    async def aclose(self) -> None:
        """Ends its connections."""
        await self._client.aclose()


class Visitor:
    """Opens pages and notes how many questions each asked. `asked`: by page."""

    def __init__(self, door: CountingDoor) -> None:
        transport = httpx.ASGITransport(app=create_app(ConsoleSettings(), door))
        self._browser = httpx.AsyncClient(transport=transport, base_url="http://localhost")
        self._door = door
        self.asked: dict[str, list[str]] = {}

    async def open(self, address: str) -> httpx.Response:
        """Opens a page."""
        return self._noted(address, await self._browser.get(address))

    async def send(self, address: str, **fields: Any) -> httpx.Response:
        """Sends a form."""
        self._door.asked.clear()
        return self._noted(f"POST {address} {fields.get('step', '')}", await self._browser.post(address, data=fields))

    def _noted(self, page: str, answer: httpx.Response) -> httpx.Response:
        assert answer.status_code < 500, (page, answer.text)
        self.asked[page] = self._door.asked.copy()
        self._door.asked.clear()
        return answer

    async def aclose(self) -> None:
        """Ends the visit."""
        await self._browser.aclose()


@pytest.fixture
async def visitor(system: System) -> AsyncIterator[Visitor]:
    assert seed(Caller(system.url, None), PRESENT, lambda _: None) is SeedResult.NOW
    door = CountingDoor(system)
    visitor = Visitor(door)
    yield visitor
    await visitor.aclose()
    await door.aclose()


async def test_no_page_asks_more_than_five_questions(visitor: Visitor, system: System) -> None:
    endpoint = {"url": "http://127.0.0.1:9/", "start": "origin"}
    assert system.http.post("/compliance/v1/webhook-endpoints", json=endpoint).status_code == 201
    known = ids(system)
    for address in ADDRESSES:
        assert (await visitor.open(address.format(**known))).status_code in (200, 303), address
    for address in _SEEN_OTHERWISE:
        await visitor.open(address)
    for fact in system.http.get("/certification/v1/recorded-facts?limit=200").json()["facts"][::5]:
        await visitor.open(f"/log/{fact['fact_id']}")
    await _send_forms(visitor, known)
    too_many = {page: asked for page, asked in visitor.asked.items() if len(asked) > QUESTIONS_MAX}
    assert too_many == {}
    assert max(map(len, visitor.asked.values())) == QUESTIONS_MAX, "the door counts"


async def test_what_is_sold_is_asked_for_once(visitor: Visitor) -> None:
    shown = [await visitor.open(address) for address in ("/partners", "/partners?q=ce", "/people")]
    assert all("<option>S200P</option>" in answer.text for answer in shown)
    assert [len(asked) for asked in visitor.asked.values()] == [2, 1, 1]


async def _send_forms(visitor: Visitor, known: Mapping[str, str]) -> None:
    """Forms that are shown again, or show a preview, are pages too."""
    csrf = token(await visitor.open("/system"))
    for kind, fields in _PREVIEWED.items():
        for step in ("preview", "change"):
            sent = {"csrf": csrf, "idempotency_key": f"k-{kind}", "step": step, **fields}
            await visitor.send(f"/record/{kind}", **sent)
    for fields in ({"step": "day"}, {"now": "2026-01-01T00:00"}, {"step": "year"}):
        await visitor.send("/system/clock", csrf=csrf, **fields)
    await visitor.send("/audit-trail/what-ifs", csrf=csrf, window_days="x")
    for what in ("retry", "test", "resend", "replay", "release", "state", "rotate"):
        await visitor.send(f"/webhooks/{known['endpoint']}/{what}", csrf=csrf)
