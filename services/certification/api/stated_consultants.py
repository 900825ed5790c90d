"""States all the people of a partner at once, as a full export lists them."""

from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import AfterValidator, Field

from services.certification.api.command_request import TheStatement, refusals
from services.certification.api.fields import Answer, Id, Instant, InstantAnswer, distinct
from services.web.input_parsing import Body
from services.web.scopes import Scope, requires

CONSULTANTS_MAX: Final = 5_000

router = APIRouter(prefix="/certification/v1/partners", tags=["Partners"])


class Consultants(Body):
    """Everybody who is linked to the partner at `as_of`, and nobody else (R23).

    Of ids that are not acceptable the first is named. `as_of`: not after now; left out, the instant of recording.
    `dry_run`: nothing is recorded.
    """

    consultant_ids: Annotated[
        list[Id],
        Field(max_length=CONSULTANTS_MAX, fail_fast=True, json_schema_extra={"uniqueItems": True}),
        AfterValidator(distinct),
    ]
    as_of: Instant | None = None
    dry_run: bool = False


class ChangedLink(Answer):
    """A person, and the fact that links them or says that they left; in a dry run there is none."""

    consultant_id: str
    fact_id: str | None = None


class ConsultantsAnswer(Answer):
    """What was recorded, or would be, so that the statement is true.

    `unchanged`: how many stay linked. `linked_later`: people who are not stated, and whom a recorded fact links to the
    partner after `as_of`; they stay. `position`, `recorded_at`: of the facts, which are appended together.
    """

    partner_id: str
    as_of: InstantAnswer
    linked: list[ChangedLink]
    departed: list[ChangedLink]
    unchanged: int
    linked_later: list[str]
    position: int | None = None
    recorded_at: InstantAnswer | None = None


@router.put(
    "/{partner_id}/consultants",
    status_code=200,
    response_model_exclude_none=True,
    responses={
        200: {"model": ConsultantsAnswer, "description": "Nothing is to be recorded, or it is a dry run"},
        201: {"model": ConsultantsAnswer, "description": "Links and departures were recorded"},
        **refusals(409),
    },
)
@requires(Scope.FACTS)
async def state_consultants(partner_id: Id, body: Consultants, statement: TheStatement) -> ConsultantsAnswer:
    """Exactly these people are linked to the partner at `as_of`: links and departures are recorded where they differ.

    So a full export can be sent every night. It needs no idempotency key: the same call again changes nothing. Facts
    dated after `as_of` stay as they are: a person linked later is linked from then on, stated or not, and a stated
    person who leaves later still leaves then. A link of the very instant `as_of` cannot be ended at that instant (R17,
    409).
    """
    found = await statement.state_consultants(
        partner_id, frozenset(body.consultant_ids), body.as_of, dry_run=body.dry_run
    )
    departed, linked = found.changes.departed, found.changes.linked
    return ConsultantsAnswer(
        partner_id=partner_id,
        as_of=found.as_of,
        linked=_changed(linked, found.fact_ids[len(departed) :] or [None] * len(linked)),
        departed=_changed(departed, found.fact_ids[: len(departed)] or [None] * len(departed)),
        unchanged=found.changes.unchanged,
        linked_later=list(found.changes.linked_later),
        position=found.position,
        recorded_at=found.recorded_at,
    )


def _changed(consultant_ids: Iterable[str], fact_ids: Iterable[str | None]) -> list[ChangedLink]:
    return [
        ChangedLink(consultant_id=consultant_id, fact_id=fact_id)
        for consultant_id, fact_id in zip(consultant_ids, fact_ids, strict=True)
    ]
