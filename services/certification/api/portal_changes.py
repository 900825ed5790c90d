"""Portal changes."""

from fastapi import APIRouter

from services.certification.api.command_request import Recorded, TheCall, free_text, reporting
from services.certification.api.fields import Day, FactBody, Id, Products, Text
from services.web.input_parsing import gives_one_of
from services.web.scopes import Scope, requires
from shared.events.facts import PortalChangeCorrected, PortalChangeDeclared

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


class TermsCorrection(FactBody):
    """The terms as they should have been; one that is left out stays. At least one is given (R38).

    `due_on` is neither before the London day of the announcement nor before that of the correction. `reason` is kept
    apart from the fact, where it can be erased.
    """

    model_config = gives_one_of("due_on", "products", "significant")

    due_on: Day | None = None
    products: Products | None = None
    significant: bool | None = None
    reason: Text


@router.post("", **reporting(409))
@requires(Scope.FACTS)
async def declare_portal_change(body: Declaration, call: TheCall) -> Recorded:
    """The Provisioning Portal changes (R25, R27). After a void the id is free to be recorded again (R33)."""
    data = PortalChangeDeclared(
        body.portal_change_id, tuple(body.products), body.significant, body.due_on, body.summary
    )
    return await call.record(data, body.effective_at)


@router.post("/{portal_change_id}/corrections", **reporting(held=True))
@requires(Scope.FACTS)
async def correct_portal_change(portal_change_id: Id, body: TermsCorrection, call: TheCall) -> Recorded:
    """Terms of a portal change were wrong: from the recording on, it counts as announced so (R38).

    Of each term the last correction recorded wins. Held while the change is not recorded, or voided (R33, R35).
    """
    reason = free_text(body.reason)
    products = None if body.products is None else tuple(body.products)
    data = PortalChangeCorrected(portal_change_id, body.due_on, products, body.significant, reason.hash)
    return await call.record(data, body.effective_at, reason)
