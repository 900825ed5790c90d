"""Searches the facts of the log by person, partner or conversation, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.certification.event_store.database import Database
from services.web.statements import statements
from shared.events import wire
from shared.events.envelope import Fact
from shared.events.facts import TOPIC_OF, PolicyRevised

_SQL: Final = statements(__file__)


class FactSearch(NamedTuple):
    """Which facts: those before a position, of these topics, and about all that is given; None and empty: any.

    `correlation_id`: of this conversation. `causation_id`: the decisions that follow from the fact of this id. `about`:
    about this person or partner, or of this conversation. At most one of the three is given.
    """

    before: int | None = None
    topics: Sequence[str] = ()
    consultant_id: str | None = None
    partner_id: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    about: str | None = None


class FoundFactRow(NamedTuple):
    """A fact, whether it waited when it was recorded (R35), and what voided it since (R33)."""

    fact: Fact
    held: bool
    voided_by: str | None
    voided_at: datetime | None


async def search(database: Database, which: FactSearch, limit: int) -> list[FoundFactRow]:
    """The newest facts that are looked for, at most `limit`. Walks the index of the narrowest member."""
    rows = await database.select(
        _SQL[_narrowest(which)],
        which.before,
        limit,
        list(which.topics) or None,
        which.consultant_id,
        which.partner_id,
        which.about or which.correlation_id or which.causation_id,
    )
    return [
        FoundFactRow(wire.decode(topic, state, position, append_position), bool(held), voided_by, voided_at)
        for topic, state, position, append_position, held, voided_by, voided_at in rows
    ]


def _narrowest(which: FactSearch) -> str:
    if which.about is not None:
        return "of_anybody"
    if which.causation_id is not None:
        return "of_cause"
    if which.correlation_id is not None:
        return "of_conversation"
    if which.consultant_id is not None:
        return "of_consultant"
    if which.partner_id is not None:
        return "of_partner"
    return "of_policy" if set(which.topics) == {TOPIC_OF[PolicyRevised]} else "of_anything"
