"""A small reverse proxy: one origin for services that run apart, chosen by the first part of the path.

Proofs of facts are the audit trail's; what auditors ask of the policy is compliance's.

python -m tests.end_to_end.ingress certification=http://127.0.0.1:8001 compliance=http://127.0.0.1:8002
"""

import asyncio
import json
import re
import sys
from collections.abc import Mapping

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.host import asgi_server
from services.host.listening_socket import listen, origin

HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class Ingress:
    """An ASGI application that hands each call on and its answer back."""

    def __init__(self, upstreams: Mapping[str, str]) -> None:
        self._upstreams = upstreams
        self._http = httpx.AsyncClient(timeout=60)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._hand_on(Request(scope, receive))
        await answer(scope, receive, send)

    async def _hand_on(self, request: Request) -> Response:
        first_part = request.url.path.split("/")[1]
        of_audit = re.fullmatch("/certification/v1/facts/[^/]+/proof", request.url.path)
        derived = re.match("/audit/v1/(claims|explanations|partners|what-ifs)([/.]|$)", request.url.path)
        upstream = self._upstreams.get("audit" if of_audit else "compliance" if derived else first_part)
        if upstream is None:
            return Response("no such path", 404)
        path = request.scope["raw_path"].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        try:
            answer = await self._http.request(
                request.method,
                upstream + path + (f"?{query}" if query else ""),
                content=await request.body(),
                headers=[(name, value) for name, value in request.headers.raw if name.decode() not in HOP_BY_HOP],
            )
        except httpx.TransportError as problem:
            return Response(f"{upstream} does not answer: {problem!r}", 502)
        headers = {name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP}
        return Response(answer.content, answer.status_code, headers)


def main() -> None:
    """Serves on a free port, and says which in a line of JSON."""
    listening = listen("127.0.0.1", 0)
    ready = json.dumps({"url": origin(listening)})
    upstreams = dict(argument.split("=", 1) for argument in sys.argv[1:])
    asyncio.run(asgi_server.serve(Ingress(upstreams), listening, lambda: print(ready, flush=True)))


if __name__ == "__main__":
    main()
