"""Revisions of the policy."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, Field, model_validator

from services.certification.api.command_request import Recorded, TheCall, free_text, reporting
from services.certification.api.fields import EligibleProgramme, FactBody, Id, Text, distinct
from services.web.input_parsing import Body, gives_one_of
from services.web.scopes import Scope, requires
from shared.events import facts
from shared.events.facts import PolicyRevised

router = APIRouter(prefix="/certification/v1/policy-revisions", tags=["Policy"])

_Headcount = Annotated[int, Field(ge=1, le=99)]
_TERMS = ("window_days", "minimum", "programmes", "reminder_days")
_Unique = {"uniqueItems": True}


class Minimum(Body):
    """Counted consultants that a partner of each kind must keep (R10): of one kind or of both."""

    model_config = gives_one_of("VAR", "DEVELOPER")

    VAR: _Headcount | None = None
    DEVELOPER: _Headcount | None = None

    @model_validator(mode="after")
    def _names_a_kind(self) -> "Minimum":
        if self.VAR is None and self.DEVELOPER is None:
            raise ValueError("a minimum names a kind: VAR, DEVELOPER or both")
        return self


class Revision(FactBody):
    """What changes from `effective_at` on, which is never before the recording (R39); the rest stays as it is.

    `window_days`: London days to replace a missing consultant (R15). `programmes`: codes of those in which a partner
    is enrolled (R11). `reminder_days`: London days before a deadline at which to remind; none where the list is empty.
    `reason` is kept apart from the fact, where it can be erased.
    """

    model_config = gives_one_of(*_TERMS)

    policy_id: Id
    window_days: Annotated[int, Field(ge=1, le=366)] | None = None
    minimum: Minimum | None = None
    programmes: (
        Annotated[
            list[EligibleProgramme],
            Field(min_length=1, max_length=20, json_schema_extra=_Unique),
            AfterValidator(distinct),
        ]
        | None
    ) = None
    reminder_days: (
        Annotated[
            list[Annotated[int, Field(ge=1, le=365)]],
            Field(max_length=10, json_schema_extra=_Unique),
            AfterValidator(distinct),
        ]
        | None
    ) = None
    reason: Text

    @model_validator(mode="after")
    def _changes_something(self) -> "Revision":
        if all(getattr(self, term) is None for term in _TERMS):
            raise ValueError(f"a revision changes at least one of {', '.join(_TERMS)}")
        return self


@router.post("", **reporting(409))
@requires(Scope.ADMIN)
async def revise_policy(body: Revision, call: TheCall) -> Recorded:
    """The policy changes from an instant on, now or later (R39). After a void the id is free again (R33)."""
    reason = free_text(body.reason)
    minimum = None if body.minimum is None else facts.Minimum(body.minimum.VAR, body.minimum.DEVELOPER)
    data = PolicyRevised(
        body.policy_id,
        body.window_days,
        minimum,
        None if body.programmes is None else tuple(body.programmes),
        None if body.reminder_days is None else tuple(body.reminder_days),
        reason.hash,
    )
    return await call.record(data, body.effective_at, reason)
