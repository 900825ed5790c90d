"""Portal changes."""

from fastapi import APIRouter

from services.certification.api.command_request import Recorded, TheCall, reporting
from services.certification.api.fields import Day, FactBody, Id, Products, Text
from services.web.scopes import Scope, requires
from shared.events.facts import PortalChangeDeclared

router = APIRouter(prefix="/certification/v1/portal-changes", tags=["Portal changes"])


class Declaration(FactBody):
    """A change of the Provisioning Portal, announced at `effective_at`.

    A significant one obliges to complete maintenance by the end of the London day `due_on` (R25, R26).
    """

    portal_change_id: Id
    products: Products
    significant: bool
    due_on: Day
    summary: Text


@router.post("", **reporting(409))
@requires(Scope.FACTS)
async def declare_portal_change(body: Declaration, call: TheCall) -> Recorded:
    """The Provisioning Portal changes (R25, R27). After a void the id is free to be recorded again (R33)."""
    data = PortalChangeDeclared(
        body.portal_change_id, tuple(body.products), body.significant, body.due_on, body.summary
    )
    return await call.record(data, body.effective_at)
