"""The console as an ASGI application."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from services.console import data_links, sign_in
from services.console.page import Console, Page, answered
from services.console.pages import (
    audit_trail,
    facts_without_effect,
    log,
    partner,
    partners,
    people,
    policy,
    portal_changes,
    record,
    standing_proof,
    system,
    today,
    webhooks,
)
from services.console.security_headers import completing
from services.console.service_client import Services
from services.console.service_questions import Refused
from services.console.session import Sessions
from services.console.settings import ConsoleSettings
from services.console.templating import STATIC, compile_all
from services.web.rebinding_guard import LocalNames

PAGES: Final = (
    today,
    partners,
    partner,
    people,
    policy,
    portal_changes,
    record,
    standing_proof,
    webhooks,
    log,
    facts_without_effect,
    audit_trail,
    system,
)
"""The modules whose `ROUTES` it serves."""

_log: Final = logging.getLogger(__name__)


class ConsoleApp(Starlette):
    """The application; every answer has the headers of pages, failures too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        await super().__call__(scope, receive, completing(send) if scope["type"] == "http" else send)


def create_app(settings: ConsoleSettings, services: ASGIApp | None = None) -> Starlette:
    """The console in front of `services`, an application in this process, or of those at `settings.services_url`."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of each request, and paths name people
    origin = None if settings.services_url is None else str(settings.services_url)
    asking = Services(services, origin, seconds_max=settings.question_seconds_max, questions_max=settings.questions_max)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await asyncio.to_thread(compile_all)
        async with asking.client:
            yield

    routes: list[BaseRoute] = [Mount("/static", _Static(directory=STATIC)), Route("/console/healthz", _is_well)]
    for module in (sign_in, data_links, *PAGES):
        routes += module.ROUTES
    app = ConsoleApp(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: _not_answered, Exception: _failed},
    )
    app.router.redirect_slashes = False
    sessions = Sessions(settings.session_keys, settings.session_hours * 3600)
    app.state.console = Console(asking, sessions, settings, first_parts(app), LocalNames(settings.public_names))
    app.state.wrong_keys = sign_in.WrongKeys()
    return app


def first_parts(app: Starlette) -> frozenset[str]:
    """The first parts of the paths that the console answers, such as "partners"; "" is the first page."""
    paths = (route.path for route in app.routes if isinstance(route, Route | Mount))
    return frozenset(path.split("/", 2)[1] for path in paths)


async def _is_well(_: Request) -> Response:
    """The process runs and needs no key to say so; its services have health of their own."""
    return JSONResponse({"status": "ok"})


class _Static(StaticFiles):
    """The files of this version: their addresses change with their content."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        answer = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they come
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


async def _not_answered(request: Request, error: Exception) -> Response:
    """Answers a path without a page; only signed-in visitors learn that there is none."""
    assert isinstance(error, HTTPException)
    problem = {"title": "There is no such page", "detail": "There is no page at this address."}
    if error.status_code == 405:
        problem = {"title": "Not this way", "detail": "This page does not accept this method."}

    async def refuse(_: Page) -> Response:
        raise Refused(error.status_code, problem)

    response = await answered(Page(request.app.state.console, request), refuse)
    if response.status_code == 405:
        response.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return response


def _methods(request: Request) -> set[str]:
    """Every method of the path: each is a route of its own."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or {"GET", "HEAD"}
    return found


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    problem = {"title": "The console failed", "detail": "The fault is logged. Try again, or go back."}
    shown = Page(request.app.state.console, request)
    return shown.render("error.html", status=500, refused=Refused(500, problem))
