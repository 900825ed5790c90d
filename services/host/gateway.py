"""Several applications under one origin, with a common guard, documentation and lifetime."""

import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.host import api_docs
from services.host.api_keys.key_ring import KeyRing
from services.host.documented_operations import Paths
from services.host.request_guard import RequestGuard
from services.host.response_headers import completing
from services.web.openapi import secure
from services.web.problem_details import failed, problem_response, unexplained
from services.web.rebinding_guard import LocalNames
from services.web.wakeup import Wakeup

TITLE: Final = "Sage Partner Certification"

_log: Final = logging.getLogger(__name__)


class Gateway:
    """An ASGI application of several, each for the paths of one first part.

    `apps`: by first part, such as "compliance". `keys`: who may call. `sandbox`: every answer says so. `console`: makes
    the pages for people, given the application behind which they ask; it lets visitors in by itself. `names`: by which
    callers without a key call it; None: by any, without a server.
    """

    def __init__(
        self,
        apps: Mapping[str, FastAPI],
        *,
        keys: KeyRing,
        sandbox: bool,
        console: Callable[[ASGIApp], Starlette] | None = None,
        names: LocalNames | None = None,
    ) -> None:
        self._apps = apps
        self._keys = keys
        for app in apps.values():
            secure(app)
        self.sandbox = sandbox
        front = Starlette(
            routes=api_docs.routes(TITLE, list(apps.values())) if apps else [],
            exception_handlers={HTTPException: _not_answered, Exception: failed},
        )
        front.router.redirect_slashes = False
        paths = Paths(apps.values(), api_docs.PAGES if apps else ())
        self._guard = RequestGuard(_PathDispatcher(apps, front), paths, keys=keys, sandbox=sandbox, names=names)
        self._console = None if console is None else console(self._guard)
        self._pages: frozenset[str] = self._console.state.console.served if self._console else frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a call while `running`."""
        is_page = self._pages and scope["type"] == "http" and _first_part(scope) in self._pages
        if is_page and self._console is not None and _is_clear(scope):
            await self._console(scope, receive, completing(send, sandbox=self.sandbox))
        else:
            await self._guard(scope, receive, send)

    def stop(self) -> None:
        """Ends every wait: answers long polls and ends streams, so that the server can stop."""
        for app in self._apps.values():
            waiting: Wakeup | None = getattr(app.state, "waiting", None)
            if waiting is not None:
                waiting.stop()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opens the resources of the applications while the context lasts. Raises `NoKeyYet`."""
        async with AsyncExitStack() as open_apps:
            for app in self._apps.values():
                await open_apps.enter_async_context(app.router.lifespan_context(app))
            await open_apps.enter_async_context(self._keys.running())
            if self._console is not None:
                await open_apps.enter_async_context(self._console.router.lifespan_context(self._console))
            if self.sandbox:
                _log.warning("SANDBOX: the clock of this system can be set, and the system can be emptied")
            yield


_PROOF: Final = re.compile(r"/certification/v1/facts/[^/]+/proof")
"""The one path below certification that the audit trail answers."""


_DERIVED: Final = re.compile(r"/audit/v1/(claims|explanations|partners|what-ifs)([./].*)?", re.DOTALL)
"""The paths of the audit trail that compliance answers, because they need the policy."""


class _PathDispatcher:
    """Sends each call its way; what belongs to no application goes to the front."""

    def __init__(self, apps: Mapping[str, ASGIApp], front: ASGIApp) -> None:
        self._apps = apps
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        app = self._apps.get(_first_part(scope), self._front)
        if path.endswith("/proof") and _PROOF.fullmatch(path):
            app = self._apps.get("audit", app)
        elif path.startswith("/audit/") and _DERIVED.fullmatch(path):
            app = self._apps.get("compliance", app)
        await app(scope, receive, send)


def _is_clear(scope: Scope) -> bool:
    """Whether it names one host, and a path that every reader takes apart alike; the guard refuses any other."""
    raw_path = scope.get("raw_path") or b""
    return (
        not raw_path.startswith(b"//")
        and b"%2f" not in raw_path.lower()
        and sum(name == b"host" for name, _ in scope["headers"]) < 2
    )


def _first_part(scope: Scope) -> str:
    """Of the path, such as "compliance"; that of "*" and of nothing is "*", which nobody serves."""
    parts: list[str] = scope["path"].split("/", 2)
    return parts[1] if len(parts) > 1 else "*"


async def _not_answered(_: Request, error: Exception) -> Response:
    """A path that leads nowhere, or a method that a page does not take."""
    assert isinstance(error, HTTPException)
    detail = "There is no such path, or it does not take this method."
    return problem_response(unexplained(error.status_code, detail), error.headers)
