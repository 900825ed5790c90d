"""What gives or takes a certification besides an exam: courses, recognitions and revocations."""

from fastapi import APIRouter

from services.certification.api.command_request import REPORTING, Recorded, TheCall, free_text
from services.certification.api.fields import FactBody, Id, Text
from services.web.scopes import Scope, requires
from services.web.sold_products import Product
from shared.events.facts import CertificationRecognised, CourseCompleted, RevocationOrdered

router = APIRouter(prefix="/certification/v1", tags=["Consultants"])


class CourseCompletion(FactBody):
    """With a portal change, the course counts only as maintenance training for that change (R25)."""

    consultant_id: Id
    product: Product
    portal_change_id: Id | None = None


class Recognition(FactBody):
    """Certified without an exam. `evidence` is kept apart from the fact, where it can be erased."""

    consultant_id: Id
    product: Product
    evidence: Text | None = None


class Revocation(FactBody):
    """The certification ends (R37). `reason` is kept apart from the fact, where it can be erased."""

    consultant_id: Id
    product: Product
    reason: Text


@router.post("/course-completions", **REPORTING)
@requires(Scope.FACTS)
async def complete_course(body: CourseCompletion, call: TheCall) -> Recorded:
    """A consultant completed the course, or the training for a portal change (R4, R25)."""
    return await call.record(
        CourseCompleted(body.consultant_id, body.product, body.portal_change_id), body.effective_at
    )


@router.post("/recognised-certifications", **REPORTING)
@requires(Scope.FACTS)
async def recognise_certification(body: Recognition, call: TheCall) -> Recorded:
    """Sage recognises a consultant as certified."""
    evidence = free_text(body.evidence)
    data = CertificationRecognised(body.consultant_id, body.product, evidence.hash)
    return await call.record(data, body.effective_at, evidence)


@router.post("/certification-revocations", **REPORTING)
@requires(Scope.FACTS)
async def revoke_certification(body: Revocation, call: TheCall) -> Recorded:
    """Sage ended a consultant's certification (R37)."""
    reason = free_text(body.reason)
    return await call.record(
        RevocationOrdered(body.consultant_id, body.product, reason.hash), body.effective_at, reason
    )
