"""Searches the facts of the log by person, partner or conversation, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.certification.event_store.database import Database
from services.web.statements import statements
from shared.events import wire
from shared.events.envelope import Fact
from shared.events.facts import TOPIC_OF, PolicyRevised

LOOKED_AT_MAX: Final = 10_000
"""Facts about the narrowest of what is given that one page looks at, however few of them fit all that is given."""

_SQL: Final = statements(__file__, looked_at_max=str(LOOKED_AT_MAX))


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


class FoundFacts(NamedTuple):
    """A page, newest first. `following`: the position before which the next one begins; None: these are the last."""

    facts: list[FoundFactRow]
    following: int | None


async def search(database: Database, which: FactSearch, limit: int) -> FoundFacts:
    """The newest facts that are looked for, at most `limit`. Walks the index of the narrowest member.

    A page that is not full ends with the last fact that it looked at.
    """
    narrowest, named = _narrowest(which)
    looks_from = None
    if f"looks_from_{narrowest}" in _SQL and _is_filtered(which):
        rows = await database.select(_SQL[f"looks_from_{narrowest}"], which.before, named)
        looks_from = rows[0][0] if rows else None
    rows = await database.select(
        _SQL[narrowest],
        which.before,
        limit,
        list(which.topics) or None,
        which.consultant_id,
        which.partner_id,
        which.about or which.correlation_id or which.causation_id,
        looks_from,
    )
    facts = [
        FoundFactRow(wire.decode(topic, state, position, append_position), bool(held), voided_by, voided_at)
        for topic, state, position, append_position, held, voided_by, voided_at in rows
    ]
    return FoundFacts(facts, facts[-1].fact.position if len(facts) == limit else looks_from)


def _is_filtered(which: FactSearch) -> bool:
    """Whether facts about the narrowest member can fail to fit: something else is given, too."""
    about = (which.consultant_id, which.partner_id, which.correlation_id, which.causation_id, which.about)
    return bool(which.topics) or sum(member is not None for member in about) > 1


def _narrowest(which: FactSearch) -> tuple[str, str | None]:
    """The name of the statement, and whom or what its index is about."""
    if which.about is not None:
        return "of_anybody", which.about
    if which.causation_id is not None:
        return "of_cause", which.causation_id
    if which.correlation_id is not None:
        return "of_conversation", which.correlation_id
    if which.consultant_id is not None:
        return "of_consultant", which.consultant_id
    if which.partner_id is not None:
        return "of_partner", which.partner_id
    return "of_policy" if set(which.topics) == {TOPIC_OF[PolicyRevised]} else "of_anything", None
