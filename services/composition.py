"""Several applications under one origin, with what they have in common: the door, the documentation, lifetimes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from services import documentation
from services.door import Door

TITLE: Final = "Sage Partner Certification"

_log: Final = logging.getLogger(__name__)


def compose(
    apps: Mapping[str, FastAPI],
    *,
    api_key: str | None,
    sandbox: bool,
    background: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> ASGIApp:
    """One ASGI application: each call goes to the application of its path's first part.

    `apps`: by first part, such as "compliance". `background`: runs for as long as the applications do.
    """
    front = Starlette(
        routes=documentation.routes(TITLE, list(apps.values()), bearer=api_key is not None),
        lifespan=_lifespan(list(apps.values()), background),
    )
    if sandbox:
        _log.warning("SANDBOX: the clock of this system can be moved and everything in it can be emptied")
    return Door(_Crossroads(apps, front), api_key=api_key, sandbox=sandbox)


class _Crossroads:
    """Sends each call its way; what belongs to no application goes to the front."""

    def __init__(self, apps: Mapping[str, ASGIApp], front: ASGIApp) -> None:
        self._apps = apps
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._front
        if scope["type"] == "http":
            app = self._apps.get(scope["path"].split("/", 2)[1] if "/" in scope["path"] else "", self._front)
        await app(scope, receive, send)


def _lifespan(
    apps: list[FastAPI], background: Callable[[], Coroutine[Any, Any, None]] | None
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as open_apps:
            for app in apps:
                await open_apps.enter_async_context(app.router.lifespan_context(app))
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(background()) if background else None
                yield
                if task is not None:
                    task.cancel()

    return lifespan
