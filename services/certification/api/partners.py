"""Facts about partners."""

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends

from services.certification.api.command_request import (
    REFUSALS,
    REPORTING,
    Recorded,
    TheCall,
    TheService,
    free_text,
    refusals,
)
from services.certification.api.fields import Answer, FactBody, Id, Name, Programme, Text
from services.certification.domain.refusals import NotFound
from services.web.input_parsing import Body as RequestBody
from services.web.input_parsing import reject_duplicate_keys
from services.web.scopes import Scope, requires
from shared.events.facts import (
    ConsultantLeft,
    ConsultantLinked,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnerProgrammeChanged,
    PartnersMerged,
)

router = APIRouter(prefix="/certification/v1/partners", tags=["Partners"])

Kind = Literal["VAR", "DEVELOPER"]


class Enrolment(FactBody):
    """A partner of this kind in this programme (R10, R11).

    `name` is kept in the profile of the partner, in place of an earlier one, and never in the fact.
    """

    partner_id: Id
    kind: Kind
    programme: Programme
    name: Name | None = None


class KindChange(FactBody):
    """The kind from then on (R22)."""

    kind: Kind


class ProgrammeChange(FactBody):
    """The programme from then on; NONE: the partner left (R28)."""

    programme: Programme


class Closure(FactBody):
    """Nothing but when it was."""


class Merger(FactBody):
    """`into`: the surviving partner (R29)."""

    into: Id


class Link(FactBody):
    """Who works for the partner from then on (R23)."""

    consultant_id: Id


class Departure(FactBody):
    """Who left. `reason` is kept apart from the fact, where it can be erased."""

    consultant_id: Id
    reason: Text | None = None


class PartnerProfileBody(RequestBody):
    """What the partner is called."""

    name: Name


class PartnerProfile(Answer):
    """What the partner is called."""

    partner_id: str
    name: str


@router.post("", **REPORTING)
@requires(Scope.FACTS)
async def enrol_partner(body: Enrolment, call: TheCall) -> Recorded:
    """A partner enrolled, or enrolled again (R11)."""
    data = PartnerEnrolled(body.partner_id, body.kind, body.programme)
    return await call.record(data, body.effective_at, free_text(body.name))


@router.post("/{partner_id}/kind-changes", **REPORTING)
@requires(Scope.FACTS)
async def change_kind(partner_id: Id, body: KindChange, call: TheCall) -> Recorded:
    """A partner became a VAR or developer-only (R22)."""
    return await call.record(PartnerKindChanged(partner_id, body.kind), body.effective_at)


@router.post("/{partner_id}/programme-changes", **REPORTING)
@requires(Scope.FACTS)
async def change_programme(partner_id: Id, body: ProgrammeChange, call: TheCall) -> Recorded:
    """A partner changed or left its programme (R11, R28)."""
    return await call.record(PartnerProgrammeChanged(partner_id, body.programme), body.effective_at)


@router.post("/{partner_id}/closure", **REPORTING)
@requires(Scope.FACTS)
async def close_partner(partner_id: Id, call: TheCall, body: Annotated[Closure | None, Body()] = None) -> Recorded:
    """A partner went out of business (R28, R29)."""
    return await call.record(PartnerClosed(partner_id), body.effective_at if body else None)


@router.post("/{partner_id}/merger", **REPORTING)
@requires(Scope.FACTS)
async def merge_partner(partner_id: Id, body: Merger, call: TheCall) -> Recorded:
    """A partner was merged into another (R28, R29)."""
    return await call.record(PartnersMerged(partner_id, body.into), body.effective_at)


@router.post("/{partner_id}/consultants", **REPORTING)
@requires(Scope.FACTS)
async def link_consultant(partner_id: Id, body: Link, call: TheCall) -> Recorded:
    """A consultant works for a partner (R23); the partner need not be enrolled yet."""
    return await call.record(ConsultantLinked(partner_id, body.consultant_id), body.effective_at)


@router.post("/{partner_id}/departures", **REPORTING)
@requires(Scope.FACTS)
async def record_departure(partner_id: Id, body: Departure, call: TheCall) -> Recorded:
    """A consultant left a partner; of somebody who is not linked it is recorded and changes nothing."""
    reason = free_text(body.reason)
    return await call.record(ConsultantLeft(partner_id, body.consultant_id, reason.hash), body.effective_at, reason)


@router.get("/{partner_id}/profile", responses=refusals(404))
@requires(Scope.ADMIN)
async def partner_profile(partner_id: Id, service: TheService) -> PartnerProfile:
    """The profile; 404 where there is none, or none any more."""
    name = await service.personal_data.partner_name(partner_id)
    if name is None:
        raise NotFound(f"There is no profile of partner {partner_id}.")
    return PartnerProfile(partner_id=partner_id, name=name)


@router.put("/{partner_id}/profile", responses=REFUSALS, dependencies=[Depends(reject_duplicate_keys)])
@requires(Scope.ADMIN)
async def keep_partner_profile(partner_id: Id, body: PartnerProfileBody, service: TheService) -> PartnerProfile:
    """Keeps the profile in place of an earlier one, or of the name that came with an enrolment."""
    await service.personal_data.keep_partner_name(partner_id, body.name)
    return PartnerProfile(partner_id=partner_id, name=body.name)


@router.delete("/{partner_id}/profile", status_code=204, responses=REFUSALS)
@requires(Scope.ADMIN)
async def erase_partner_profile(partner_id: Id, service: TheService) -> None:
    """Erases the profile, if there is one. A repeated enrolment with its name is then refused (422)."""
    await service.personal_data.erase_partner_profile(partner_id)
