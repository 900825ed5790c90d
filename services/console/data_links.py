"""The answers of the services behind a page, as they are: JSON, CSV, calendars and feeds, one click away."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

import httpx
from starlette.responses import Response, StreamingResponse

from services.console.page import Page, page
from services.console.service_questions import Refused

SERVICES: Final = ("certification", "compliance", "audit", "sandbox")
_PASSED_ON: Final = ("content-type", "content-disposition", "etag", "retry-after")
_UNREACHABLE: Final = {"title": "Unreachable", "detail": "The service does not answer at present."}
_NO_SUCH: Final = {"title": "Not found", "detail": "There is no such answer."}


async def answer(shown: Page) -> Response:
    """Passes a GET on with the key of the session, and the answer back, as it comes."""
    service, rest = shown.path["service"], shown.path["rest"]
    if service not in SERVICES or not rest.startswith("v1/"):
        raise Refused(404, _NO_SUCH)
    raw_path = shown.request.scope["raw_path"].decode("ascii", "replace").removeprefix("/data")
    query = shown.request.scope["query_string"].decode("ascii", "replace")
    headers = {"Accept": shown.request.headers.get("accept", "*/*"), **shown.ask.authorization}
    if "text/html" in headers["Accept"]:
        headers["Accept"] = "application/json, */*"
    client = shown.console.services.client
    request = client.build_request("GET", f"{raw_path}?{query}" if query else raw_path, headers=headers)
    try:
        found = await client.send(request, stream=True)
    except httpx.HTTPError:
        raise Refused(503, _UNREACHABLE) from None
    passed = {name: found.headers[name] for name in _PASSED_ON if name in found.headers}
    return StreamingResponse(_parts(found), found.status_code, passed)


async def _parts(found: httpx.Response) -> AsyncIterator[bytes]:
    async with aclosing(found):
        async for part in found.aiter_bytes():
            yield part


ROUTES: Final = (page("/data/{service}/{rest:path}", answer),)
