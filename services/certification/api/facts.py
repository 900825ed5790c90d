"""Facts as recorded, voiding them, and erasing their free text."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request

from services.certification.api.command_request import (
    REFUSALS,
    Recorded,
    TheCall,
    TheService,
    free_text,
    refusals,
    reporting,
)
from services.certification.api.fields import KEY_PATTERN, Answer, FactBody, Id, InstantAnswer, Text
from services.certification.domain.refusals import NotFound
from services.certification.event_store.stored_facts import FoundFact
from services.web.scopes import Scope, caller_of, requires
from shared.events.envelope import Fact
from shared.events.facts import TOPIC_OF, FactVoided

router = APIRouter(prefix="/certification/v1/facts", tags=["Facts"])


class Void(FactBody):
    """Why the fact is void. `reason` is kept apart from the fact, where it can be erased."""

    reason: Text


class RecordedFact(Answer):
    """A fact as recorded.

    `append_position`: the last position of what was appended with it. `causation_id`: of a decision, the reported
    fact that it follows from. `history`: it was loaded afterwards. `held`: it waited for its registration or attempt
    when it was recorded (R35).
    `voided_by`: the fact that voided it (R33).
    """

    fact_id: str
    type: str
    position: int
    append_position: int
    recorded_at: InstantAnswer
    effective_at: InstantAnswer
    actor: str
    correlation_id: str
    causation_id: str | None
    history: bool
    data: dict[str, Any]
    held: bool
    voided: bool
    voided_by: str | None
    voided_at: InstantAnswer | None


class FactAnswer(RecordedFact):
    """A fact as recorded, with its `free_text`: its reason or evidence, unless erased; a name is in the profile.

    `free_text_altered`: the text in the database is not the one that came with the fact, by its hash; it is not shown.
    """

    free_text: str | None
    free_text_altered: bool


@router.post("/{fact_id}/void", **reporting(404, 409))
@requires(Scope.FACTS)
async def void_fact(fact_id: Id, body: Void, call: TheCall) -> Recorded:
    """A fact was recorded in error and counts nowhere any more (R33)."""
    reason = free_text(body.reason)
    return await call.record(FactVoided(fact_id, reason.hash), body.effective_at, reason)


@router.get("/{fact_id}", responses=refusals(404))
@requires(Scope.READ)
async def fact(fact_id: Id, service: TheService) -> FactAnswer:
    """The fact of this id."""
    return _answer(await service.reader.fact(fact_id), f"No fact {fact_id} was ever recorded.")


@router.get("", responses=refusals(404))
@requires(Scope.READ)
async def fact_by_key(
    request: Request, idempotency_key: Annotated[str, Query(pattern=KEY_PATTERN)], service: TheService
) -> FactAnswer:
    """The fact that this caller recorded under this key."""
    found = await service.reader.fact_by_key(caller_of(request).namespace, idempotency_key)
    return _answer(found, "No fact was recorded under this key.")


@router.delete("/{fact_id}/free-text", status_code=204, responses=REFUSALS)
@requires(Scope.ADMIN)
async def erase_free_text(fact_id: Id, service: TheService) -> None:
    """Erases what the fact said in free text, if it is still there; the hash in the fact then reveals nothing."""
    await service.personal_data.erase_text(fact_id)


def recorded_members(fact: Fact) -> dict[str, Any]:
    """The members of `RecordedFact` that the fact itself says."""
    said = {"type": TOPIC_OF[type(fact.data)], "data": msgspec.to_builtins(fact.data)}
    return msgspec.structs.asdict(fact) | said


def _answer(found: FoundFact | None, otherwise: str) -> FactAnswer:
    if found is None:
        raise NotFound(otherwise)
    return FactAnswer(
        **recorded_members(found.stored.fact),
        held=bool(found.stored.held),
        free_text=found.free_text,
        free_text_altered=found.free_text_altered,
        voided=found.void is not None,
        voided_by=found.void and found.void.fact_id,
        voided_at=found.void and found.void.recorded_at,
    )
