"""Links: who begins and who ceases to work for a partner."""

from fastapi import APIRouter

from services.certification.api.command_request import REPORTING, Recorded, TheCall, free_text
from services.certification.api.fields import FactBody, Id, Text
from services.web.scopes import Scope, requires
from shared.events.facts import ConsultantLeft, ConsultantLinked

router = APIRouter(prefix="/certification/v1/partners", tags=["Partners"])


class Link(FactBody):
    """Who works for the partner from then on (R23)."""

    consultant_id: Id


class Departure(FactBody):
    """Who left. `reason` is kept apart from the fact, where it can be erased."""

    consultant_id: Id
    reason: Text | None = None


@router.post("/{partner_id}/consultants", **REPORTING)
@requires(Scope.FACTS)
async def link_consultant(partner_id: Id, body: Link, call: TheCall) -> Recorded:
    """A consultant works for a partner (R23); the partner need not be enrolled yet."""
    return await call.record(ConsultantLinked(partner_id, body.consultant_id), body.effective_at)


@router.post("/{partner_id}/departures", **REPORTING)
@requires(Scope.FACTS)
async def record_departure(partner_id: Id, body: Departure, call: TheCall) -> Recorded:
    """A consultant left a partner; the fact changes nothing if the consultant is not linked."""
    reason = free_text(body.reason)
    return await call.record(ConsultantLeft(partner_id, body.consultant_id, reason.hash), body.effective_at, reason)
