"""How the application of a service is made."""

from collections.abc import Iterable
from types import ModuleType
from typing import Any, TypeVar

from fastapi import FastAPI

_App = TypeVar("_App", bound=FastAPI)


def application(kind: type[_App], name: str, description: str, routers: Iterable[ModuleType], **more: Any) -> _App:
    """The application of a service. `routers`: the modules whose `router` it serves. `more`: as `FastAPI` takes it."""
    app = kind(
        title=f"Sage Partner Certification: {name}",
        description=description,
        version="1",
        openapi_url=f"/{name}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        **more,
    )
    for module in routers:
        app.router.routes += module.router.routes  # `include_router` would copy each of them
    return app
