"""Whether the service is well."""

from fastapi import APIRouter

from services.certification.api.calls import REFUSALS, TheService
from services.certification.api.fields import Answer

router = APIRouter(tags=["Health"])


class Health(Answer):
    """It is; otherwise the answer is a problem."""

    status: str = "ok"


@router.get("/healthz")
async def alive() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz", responses=REFUSALS)
def ready(service: TheService) -> Health:
    """The database answers, too."""
    service.store.now()
    return Health()
