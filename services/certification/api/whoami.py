"""Who am I: the name of the caller's key, and its scopes."""

from typing import Final

from fastapi import APIRouter, Request

from services.certification.api.fields import Answer
from services.web.scopes import Scope, caller_of, requires

router: Final = APIRouter(tags=["Keys"])


class CallerAnswer(Answer):
    """`name`: of the key, and the actor of what it records; `local` and `bootstrap` are not issued keys.

    `scopes`: all that the key allows, in alphabetical order.
    """

    name: str
    scopes: tuple[Scope, ...]


@router.get("/certification/v1/caller")
@requires(Scope.READ)
async def caller(request: Request) -> CallerAnswer:
    """The name and the scopes of the key that makes this call."""
    calling = caller_of(request)
    return CallerAnswer(name=calling.name, scopes=tuple(sorted(calling.allowed)))
