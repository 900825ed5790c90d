"""The sealed logs over HTTP, as C2SP tlog-tiles has them.

The facts are under `/audit/v1`, the compliance events under `/audit/v1/compliance`, the claims under
`/audit/v1/claim-log`.

Any client of such logs can read them: the prefix of each is its path here.
"""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from services.audit.refusals import NoSuchTile
from services.audit.sealed_log import LogName
from services.audit.sealed_log_answers import AuditService
from services.audit.tiles import TileId, parse_number_path
from services.web.scopes import Scope, requires

IMMUTABLE: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
"""Sealed data never changes, so caches may keep it for ever."""
MUTABLE: Final = {"Cache-Control": "no-cache"}

_NO_SUCH: Final = {"description": "The log has no such tile under its latest checkpoint."}
_AWAY: Final = {"description": "Nothing is sealed yet, or the database is away."}
_BYTES: Final[dict[str, Any]] = {
    "description": "The bytes.",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
TILE: Final[dict[int | str, dict[str, Any]]] = {200: _BYTES, 404: _NO_SUCH, 503: _AWAY}
NOTE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The signed note.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    503: _AWAY,
}

_PREFIXES: Final = {
    LogName.FACTS: "/audit/v1",
    LogName.COMPLIANCE: "/audit/v1/compliance",
    LogName.CLAIMS: "/audit/v1/claim-log",  # `/audit/v1/claims` lists claims with verdicts
}
_PARTS: Final = ("a", "b", "c", "d")
_LEVELS: Final = frozenset("0123456")
_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    name: {
        "name": name,
        "in": "path",
        "required": True,
        "description": what,
        "schema": {"type": "string", "pattern": form},
    }
    for name, what, form in (
        ("level", "The level of the tile.", "^[0-6]$"),
        *(
            (name, "A part of the tile's number, or its width.", r"^(x?[0-9]{3}|[0-9]{3}\.p|[1-9][0-9]{0,2})$")
            for name in _PARTS
        ),
    )
}

router: Final = APIRouter(tags=["Sealed logs"])


def service_of(request: Request) -> AuditService:
    """The service behind this application."""
    service: AuditService = request.app.state.audit
    return service


def _serve(prefix: str, log: LogName) -> None:
    """Adds the paths of one log. A tile's number has as many parts as it needs."""

    @requires(Scope.READ)
    async def checkpoint(request: Request) -> Response:
        """The latest checkpoint that counts, as a signed note with its cosignatures."""
        service = service_of(request)
        async with service.connection() as connection:
            found = await service.checkpoint(connection, log)
        return PlainTextResponse(found.note, headers=MUTABLE)

    @requires(Scope.READ)
    async def tile(request: Request) -> Response:
        """256 hashes of a level, or fewer where the name ends with `.p/WIDTH`."""
        parts = request.path_params
        number, width = _number(parts)
        if parts["level"] not in _LEVELS:
            raise NoSuchTile("Levels are 0 to 6.")
        return _immutable(await service_of(request).tile(log, TileId(int(parts["level"]), number), width))

    @requires(Scope.AUDIT)
    async def bundle(request: Request) -> Response:
        """The entries behind a tile of level 0, each after its length in two bytes."""
        return _immutable(await service_of(request).bundle(log, *_number(request.path_params)))

    router.add_api_route(f"{prefix}/checkpoint", checkpoint, responses=NOTE, response_class=Response)
    for parts in range(1, len(_PARTS) + 1):
        names = _PARTS[:parts]
        number = "/".join(f"{{{name}}}" for name in names)
        for path, endpoint, named in (("entries", bundle, names), ("{level}", tile, ("level", *names))):
            router.add_api_route(
                f"{prefix}/tile/{path}/{number}",
                endpoint,
                responses=TILE,
                response_class=Response,
                openapi_extra={"parameters": [_PARAMETERS[name] for name in named]},
            )


def _number(path_params: Mapping[str, str]) -> tuple[int, int]:
    """The number and the width of a tile. Raises `NoSuchTile`."""
    try:
        return parse_number_path([path_params[name] for name in _PARTS if name in path_params])
    except ValueError as problem:
        raise NoSuchTile(f"There is no tile of this name: {problem}.") from None


def _immutable(body: bytes) -> Response:
    return Response(body, headers=IMMUTABLE, media_type="application/octet-stream")


for _log, _prefix in _PREFIXES.items():
    _serve(_prefix, _log)
