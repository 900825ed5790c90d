"""Facts about consultants, and their profiles."""

from fastapi import APIRouter, Depends

from services.certification.api.command_request import (
    REFUSALS,
    REPORTING,
    Recorded,
    TheCall,
    TheService,
    free_text,
    refusals,
)
from services.certification.api.fields import Answer, FactBody, Id, Name, Text
from services.certification.domain.refusals import NotFound
from services.certification.personal_data import Profile
from services.web.input_parsing import Body, reject_duplicate_keys
from services.web.products import Product
from services.web.scopes import Scope, requires
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
    """Certified no longer (R37). `reason` is kept apart from the fact, where it can be erased."""

    consultant_id: Id
    product: Product
    reason: Text


class ProfileBody(Body):
    """Who the consultant is."""

    name: Name
    email: Name


class ProfileAnswer(Answer):
    """Who the consultant is."""

    consultant_id: str
    name: str
    email: str


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


@router.get("/consultants/{consultant_id}/profile", responses=refusals(404))
@requires(Scope.ADMIN)
async def profile(consultant_id: Id, service: TheService) -> ProfileAnswer:
    """The profile; 404 where there is none, or none any more."""
    found = await service.personal_data.profile(consultant_id)
    if found is None:
        raise NotFound(f"There is no profile of consultant {consultant_id}.")
    return ProfileAnswer(consultant_id=consultant_id, name=found.name, email=found.email)


@router.put("/consultants/{consultant_id}/profile", responses=REFUSALS, dependencies=[Depends(reject_duplicate_keys)])
@requires(Scope.ADMIN)
async def keep_profile(consultant_id: Id, body: ProfileBody, service: TheService) -> ProfileAnswer:
    """Keeps the profile in place of an earlier one. Never part of a fact."""
    await service.personal_data.keep(consultant_id, Profile(body.name, body.email))
    return ProfileAnswer(consultant_id=consultant_id, name=body.name, email=body.email)


@router.delete("/consultants/{consultant_id}/profile", status_code=204, responses=REFUSALS)
@requires(Scope.ADMIN)
async def erase_profile(consultant_id: Id, service: TheService) -> None:
    """Erases the profile, if there is one."""
    await service.personal_data.erase_profile(consultant_id)
