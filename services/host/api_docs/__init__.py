"""The interactive documentation of an origin, served whole from this package: nothing comes from a CDN."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

ASSETS: Final = Path(__file__).with_name("assets")

PAGES: Final = ("/", "/docs", "/docs/assets/{file}", "/openapi.json")
"""The paths of `routes`."""

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'"
)
"""The browser enforces it: the page loads nothing from another host, and no other page shows it in a frame."""


def routes(title: str, apps: Sequence[FastAPI]) -> list[BaseRoute]:
    """`/` leads to `/docs`, which shows the one `/openapi.json` of all the applications."""

    @cache
    def document() -> bytes:
        """Built at first use, in a thread, because it takes longer than a whole start may."""
        return json.dumps(openapi(title, [app.openapi() for app in apps])).encode()

    building = asyncio.Lock()

    async def show(_: Request) -> Response:
        page = get_swagger_ui_html(
            openapi_url="openapi.json",
            title=title,
            swagger_js_url="docs/assets/swagger-ui-bundle.js",
            swagger_css_url="docs/assets/swagger-ui.css",
            swagger_favicon_url="docs/assets/favicon-32x32.png",
            swagger_ui_parameters={"validatorUrl": None, "docExpansion": "list", "defaultModelsExpandDepth": 0},
        )
        html = bytes(page.body).replace(b"<html>", b'<html lang="en">', 1)
        return HTMLResponse(html, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})

    async def describe(_: Request) -> Response:
        async with building:  # one thread builds it for all who ask meanwhile
            return Response(await run_in_threadpool(document), media_type="application/json")

    async def lead(_: Request) -> Response:
        return RedirectResponse("docs")

    return [
        Route("/", lead),
        Route("/docs", show),
        Mount("/docs/assets", _Assets(directory=ASSETS)),
        Route("/openapi.json", describe),
    ]


class _Assets(StaticFiles):
    """The files as they are in this version: a browser asks whether its copy is still right."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        answer = super().file_response(*args, **kwargs)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def openapi(title: str, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One OpenAPI document of several. Where two name different schemas alike, the later gets its title before it."""
    merged: dict[str, Any] = {
        "openapi": documents[0]["openapi"],
        "info": {"title": title, "version": documents[0]["info"]["version"]},
        "paths": {},
        "components": {"schemas": {}},
    }
    schemas = merged["components"]["schemas"]
    for document in documents:
        own = document.get("components", {}).get("schemas", {})
        prefix = "".join(word.capitalize() for word in document["info"]["title"].split())
        renamed = {name: prefix + name for name in own if name in schemas and schemas[name] != own[name]}
        schemas |= {renamed.get(name, name): _pointing(schema, renamed) for name, schema in own.items()}
        merged["paths"] |= _pointing(document["paths"], renamed)
        merged["components"]["securitySchemes"] = document["components"]["securitySchemes"]
    return merged


def _pointing(part: Any, renamed: Mapping[str, str]) -> Any:
    """The same part of a document with its references to renamed schemas put right."""
    if isinstance(part, dict):
        return {key: _pointing(value, renamed) for key, value in part.items()}
    if isinstance(part, list):
        return [_pointing(value, renamed) for value in part]
    if isinstance(part, str) and part.startswith("#/components/schemas/"):
        name = part.rpartition("/")[2]
        return f"#/components/schemas/{renamed.get(name, name)}"
    return part
