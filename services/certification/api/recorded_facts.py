"""The facts of a person, of a partner, of a conversation: as recorded, newest first."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from services.certification.api.command_request import REFUSALS, TheService
from services.certification.api.facts import RecordedFact, recorded_members
from services.certification.api.fields import KEY_PATTERN, Answer, Id, NewestFirst
from services.certification.event_store.fact_search import FactSearch, FoundFactRow
from services.web import event_feed
from services.web.input_parsing import WHOLE_NUMBER
from services.web.lists_as_csv import list_of
from services.web.refusal import Malformed
from services.web.scopes import Scope, requires
from shared.events.facts import TOPICS

LIMIT_MAX: Final = 200
LIMIT_DEFAULT: Final = 50

router = APIRouter(prefix="/certification/v1/recorded-facts", tags=["Facts"])

_COLUMNS: Final = tuple(name for name in RecordedFact.model_fields if name != "data")
_Token = Annotated[str | None, Query(pattern=KEY_PATTERN, examples=["01890a5d-ac96-774b-bcce-b302099a8057"])]


class RecordedFacts(Answer):
    """One page, newest first; `next` is the `after` of the page that follows, null at the end."""

    facts: list[RecordedFact]
    next: int | None


@router.get("", responses=REFUSALS)
@requires(Scope.READ)
@list_of("facts", _COLUMNS, rest="data", rows_max=LIMIT_MAX)
async def recorded_facts(
    service: TheService,
    consultant_id: Annotated[Id | None, Query(description="Only about this person; voids included.")] = None,
    partner_id: Annotated[Id | None, Query(description="Only about this partner, or a merger into it.")] = None,
    correlation_id: Annotated[_Token, Query(description="Only of this conversation.")] = None,
    causation_id: Annotated[_Token, Query(description="Only the decisions that follow from this fact.")] = None,
    about: Annotated[_Token, Query(description="Only about this person or partner, or of this conversation.")] = None,
    types: Annotated[tuple[str, ...], Query(alias="type", description="Only these; short or full names.")] = (),
    after: NewestFirst = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most."), WHOLE_NUMBER] = LIMIT_DEFAULT,
) -> RecordedFacts:
    """The facts as recorded, newest first, with what voided each. Free text is with the single fact.

    A page can be short, or empty, although more follow: `next` says where to go on.
    """
    if correlation_id is not None and causation_id is not None:
        raise Malformed("Give correlation_id or causation_id, not both.", "causation_id")
    if about is not None and (correlation_id is not None or causation_id is not None):
        raise Malformed("Give about, correlation_id or causation_id, only one of them.", "about")
    topics = event_feed.full_types(types, list(TOPICS))
    which = FactSearch(after, topics, consultant_id, partner_id, correlation_id, causation_id, about)
    found = await service.reader.search(which, limit)
    return RecordedFacts(facts=list(map(_answer, found.facts)), next=found.following)


def _answer(found: FoundFactRow) -> RecordedFact:
    return RecordedFact(
        **recorded_members(found.fact),
        held=found.held,
        voided=found.voided_by is not None,
        voided_by=found.voided_by,
        voided_at=found.voided_at,
    )
