"""Liveness and readiness."""

from typing import Literal

from fastapi import APIRouter

from services.certification.api.command_request import REFUSALS, TheService
from services.certification.api.fields import Answer
from services.web.scopes import open_to_all

router = APIRouter(tags=["Health"])


class Health(Answer):
    """The service is healthy; otherwise the answer is a problem."""

    status: Literal["alive", "ready"]


@router.get("/certification/healthz")
@open_to_all
async def alive() -> Health:
    """The process answers."""
    return Health(status="alive")


@router.get("/certification/readyz", responses=REFUSALS)
@open_to_all
async def ready(service: TheService) -> Health:
    """Facts can be recorded; 503 with the reason where they cannot."""
    await service.store.assert_appending()
    return Health(status="ready")
