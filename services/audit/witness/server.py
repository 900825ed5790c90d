"""A witness over HTTP."""

import asyncio
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.audit.note import NOTE_BYTES_MAX
from services.audit.witness.witness import Witness

BODY_BYTES_MAX: Final = NOTE_BYTES_MAX + (4 << 10)
"""A note, and 63 hashes."""


def create_app(witness: Witness) -> Starlette:
    """The application. It answers `POST /add-checkpoint`, `GET /checkpoint/{SHA-256 of the origin}` and `GET /key`."""

    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        try:
            async for part in request.stream():
                body += part
                if len(body) > BODY_BYTES_MAX:
                    return PlainTextResponse("The request is too large.\n", 413)
            text = body.decode()
        except UnicodeDecodeError:
            return PlainTextResponse("The request is not UTF-8.\n", 400)
        except ClientDisconnect:
            return Response(status_code=400)
        answer = await asyncio.to_thread(witness.add_checkpoint, text)
        return Response(answer.body, answer.status, media_type=answer.media_type)

    async def checkpoint(request: Request) -> Response:
        note = await asyncio.to_thread(witness.latest, request.path_params["origin_hash"])
        if note is None:
            return PlainTextResponse("This witness has cosigned no checkpoint of such a log.\n", 404)
        return PlainTextResponse(note, headers={"Cache-Control": "no-cache"})

    async def key(_: Request) -> Response:
        return PlainTextResponse(f"{witness.verifier_key.text}\n")

    app = Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/checkpoint/{origin_hash}", checkpoint),
            Route("/key", key),
        ]
    )
    app.router.redirect_slashes = False
    return app
