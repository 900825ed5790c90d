"""Lists the exam registrations of a person, latest first, each with the facts of its stream."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

import asyncpg

from services.web.statements import statements
from shared.events import wire
from shared.events.envelope import Fact
from shared.events.facts import FactVoided

REGISTRATIONS_OF: Final = statements(__file__)["registrations_of"]

FACTS_MAX: Final = 2_000
"""A page ends with the registration that reaches so many facts."""


class RegistrationsPage(NamedTuple):
    """`streams`: of each registration that is not voided, the facts known then, in order.

    `following`: the position before which the next page begins; None: there is none.
    """

    streams: list[list[Fact]]
    following: int | None


def page_of(rows: Sequence[asyncpg.Record]) -> RegistrationsPage:
    """The page of the rows of the statement."""
    streams = []
    for (_, fact_id), registration in groupby(rows, itemgetter(0, 1)):
        facts = [wire.decode(topic, state, 0, 0) for _, _, topic, state, _ in registration]
        if not _is_voided(fact_id, facts):
            streams.append(facts)
    return RegistrationsPage(streams, rows[-1][0] if rows and rows[-1][4] else None)


def _is_voided(fact_id: str, facts: Iterable[Fact]) -> bool:
    return any(isinstance(fact.data, FactVoided) and fact.data.fact_id == fact_id for fact in facts)
