"""Facts about partners."""

from typing import Annotated, Literal

from fastapi import APIRouter, Body

from services.certification.api.command_request import REPORTING, Recorded, TheCall, free_text
from services.certification.api.fields import FactBody, Id, Name, Programme
from services.web.scopes import Scope, requires
from shared.events.facts import (
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
    """When the partner closed."""


class Merger(FactBody):
    """`into`: the surviving partner (R29)."""

    into: Id


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
