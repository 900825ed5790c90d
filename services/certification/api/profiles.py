"""Profiles: the names of partners and consultants, kept beside the facts and erased on request."""

from typing import Any, Final

from fastapi import APIRouter, Depends

from services.certification.api.command_request import REFUSALS, TheService, refusals
from services.certification.api.fields import Answer, Id, Name
from services.certification.domain.refusals import NotFound
from services.certification.personal_data import Profile
from services.web.input_parsing import Body, reject_duplicate_keys
from services.web.scopes import Scope, requires

router = APIRouter(prefix="/certification/v1")
_KEEPING: Final[dict[str, Any]] = {"responses": REFUSALS, "dependencies": [Depends(reject_duplicate_keys)]}


class PartnerProfileBody(Body):
    """The partner's name."""

    name: Name


class PartnerProfile(Answer):
    """The partner's name."""

    partner_id: str
    name: str


class ProfileBody(Body):
    """Who the consultant is."""

    name: Name
    email: Name


class ProfileAnswer(Answer):
    """Who the consultant is."""

    consultant_id: str
    name: str
    email: str


@router.get("/partners/{partner_id}/profile", tags=["Partners"], responses=refusals(404))
@requires(Scope.ADMIN)
async def partner_profile(partner_id: Id, service: TheService) -> PartnerProfile:
    """The profile; 404 if there is none, or it was erased."""
    name = await service.personal_data.partner_name(partner_id)
    if name is None:
        raise NotFound(f"There is no profile of partner {partner_id}.")
    return PartnerProfile(partner_id=partner_id, name=name)


@router.put("/partners/{partner_id}/profile", tags=["Partners"], **_KEEPING)
@requires(Scope.ADMIN)
async def keep_partner_profile(partner_id: Id, body: PartnerProfileBody, service: TheService) -> PartnerProfile:
    """Keeps the profile in place of an earlier one, or of the name that came with an enrolment."""
    await service.personal_data.keep_partner_name(partner_id, body.name)
    return PartnerProfile(partner_id=partner_id, name=body.name)


@router.delete("/partners/{partner_id}/profile", tags=["Partners"], status_code=204, responses=REFUSALS)
@requires(Scope.ADMIN)
async def erase_partner_profile(partner_id: Id, service: TheService) -> None:
    """Erases the profile, if there is one. A repeated enrolment with its name is then refused (422)."""
    await service.personal_data.erase_partner_profile(partner_id)


@router.get("/consultants/{consultant_id}/profile", tags=["Consultants"], responses=refusals(404))
@requires(Scope.ADMIN)
async def profile(consultant_id: Id, service: TheService) -> ProfileAnswer:
    """The profile; 404 if there is none, or it was erased."""
    found = await service.personal_data.profile(consultant_id)
    if found is None:
        raise NotFound(f"There is no profile of consultant {consultant_id}.")
    return ProfileAnswer(consultant_id=consultant_id, name=found.name, email=found.email)


@router.put("/consultants/{consultant_id}/profile", tags=["Consultants"], **_KEEPING)
@requires(Scope.ADMIN)
async def keep_profile(consultant_id: Id, body: ProfileBody, service: TheService) -> ProfileAnswer:
    """Keeps the profile in place of an earlier one. Never part of a fact."""
    await service.personal_data.keep(consultant_id, Profile(body.name, body.email))
    return ProfileAnswer(consultant_id=consultant_id, name=body.name, email=body.email)


@router.delete("/consultants/{consultant_id}/profile", tags=["Consultants"], status_code=204, responses=REFUSALS)
@requires(Scope.ADMIN)
async def erase_profile(consultant_id: Id, service: TheService) -> None:
    """Erases the profile, if there is one."""
    await service.personal_data.erase_profile(consultant_id)
