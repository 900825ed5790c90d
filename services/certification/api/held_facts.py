"""Facts that wait for another one."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from services.certification.api.command_request import REFUSALS, TheService, WaitsFor
from services.certification.api.fields import Answer, InstantAnswer
from services.web.feed_events import POSITION_MAX
from services.web.input_parsing import WHOLE_NUMBER
from services.web.lists_as_csv import list_of
from services.web.scopes import Scope, requires

LIMIT_MAX: Final = 200

router = APIRouter(prefix="/certification/v1/held-facts", tags=["Facts"])


class HeldFact(Answer):
    """A fact that has no effect until another one is recorded (R35). `since`: when it began to wait."""

    fact_id: str
    type: str
    position: int
    recorded_at: InstantAnswer
    effective_at: InstantAnswer
    since: InstantAnswer
    waits_for: WaitsFor


class HeldFacts(Answer):
    """One page; `next` is the `after` of the page that follows, null at the end."""

    held_facts: list[HeldFact]
    next: int | None


@router.get("", responses=REFUSALS)
@requires(Scope.READ)
@list_of("held_facts", HeldFact, rows_max=LIMIT_MAX)
async def held_facts(
    service: TheService,
    after: Annotated[int, Query(ge=0, le=POSITION_MAX, description="`next` of the page before."), WHOLE_NUMBER] = 0,
    limit: Annotated[
        int, Query(ge=1, le=LIMIT_MAX, description="How many places where facts may wait are looked at."), WHOLE_NUMBER
    ] = LIMIT_MAX,
) -> HeldFacts:
    """The facts that wait at present, what each waits for, and since when; longest first.

    A score waits for its registration, a correction for its attempt or its portal change: not recorded yet, or voided
    (R33, R35). A page can be empty although more follow: `next` says where to go on.
    """
    found = await service.reader.held_facts(after, limit)
    facts = [
        HeldFact(
            fact_id=held.fact_id,
            type=held.topic,
            position=held.position,
            recorded_at=held.recorded_at,
            effective_at=held.effective_at,
            since=held.since,
            waits_for=WaitsFor(
                registration_id=held.registration_id, attempt=held.attempt, portal_change_id=held.portal_change_id
            ),
        )
        for held in found.facts
    ]
    return HeldFacts(held_facts=facts, next=found.next_after)
