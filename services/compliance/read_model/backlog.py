"""What to derive next, as of one instant: the progress, the facts recorded since, the timers due.

One statement reads all of it, so that a batch of kept histories takes two round trips: this one and its write.

A group of facts comes with every partner that its facts are routed to (see `routing`), except those of portal changes
and revisions of the policy: the partners it names, every partner of its people and of the people of a partner that it
ends, and the partners into which these merge.
"""

from collections.abc import Collection, Container, Sequence, Set
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

import asyncpg

from services.compliance.database import Connection
from services.compliance.read_model.projection_progress import COLUMNS, FROM, ProjectionProgress, progress_of
from services.compliance.read_model.routing import (
    GROUP_ROUTES,
    LINKED,
    LOGGED_COLUMNS,
    MATTERS,
    OF_PEOPLE,
    REVISED,
    LoggedFact,
    logged_facts,
)
from services.web.statements import statements

FEW_FACTS: Final = 64
"""The most new facts that bring along the facts about the people whom they link."""
OF_PERSON_MAX: Final = 32
"""The facts of a person with more are read when a history needs them."""


class Group(NamedTuple):
    """Facts appended together. `broadcast`: besides these partners they concern all others.

    `revision`: they revise the policy, which concerns those whom it changes. `concerned`: those of the partners for
    which they change something about a shared person.
    """

    append_position: int
    recorded_at: datetime
    broadcast: bool
    revision: bool
    partner_ids: frozenset[str]
    concerned: frozenset[str] = frozenset()

    def concerning(self, partner_ids: Set[str]) -> "Group":
        """Adds partners that they concern through shared people."""
        return self._replace(partner_ids=self.partner_ids | partner_ids, concerned=frozenset(partner_ids))


class Timer(NamedTuple):
    """When time alone next changes or announces something for a partner."""

    due_at: datetime
    partner_id: str


class Backlog(NamedTuple):
    """What one snapshot of the database shows.

    `version`: of the progress; a write checks that it is still this one. `engine_id`: of the engine installed; None:
    none was. `all_read`: no group follows these. `timers`: in order. `shared`: the people of the groups who are at very
    many partners; the groups do not say at which.
    Facts are decoded when asked for, since not every batch asks.
    """

    version: int
    engine_id: str | None
    progress: ProjectionProgress
    groups: list[Group]
    all_read: bool
    timers: list[Timer]
    fact_rows: Sequence[asyncpg.Record]
    of_people_rows: Sequence[asyncpg.Record]
    shared: frozenset[str]

    def facts(self, through: int) -> list[LoggedFact]:
        """The facts of the groups up to this position that can matter to a partner, in log order."""
        return logged_facts(row for row in self.fact_rows if _append_position(row) <= through)

    def facts_about_people(self, people: Container[str], through: int) -> dict[str, list[LoggedFact]]:
        """What matters to compliance about these people, up to the position, as far as it was read with the groups."""
        found = {}
        for person, rows in groupby(self.of_people_rows, key=_consultant_id):
            known = list(rows)
            if person in people and len(known) <= OF_PERSON_MAX:
                found[person] = logged_facts(row for row in known if _position(row) <= through)
        return found


_position: Final = itemgetter(2)
_append_position: Final = itemgetter(3)
_consultant_id: Final = itemgetter(6)

_SQL: Final = statements(
    __file__,
    group_routes=GROUP_ROUTES,
    logged_columns=LOGGED_COLUMNS,
    matters=MATTERS,
    progress=COLUMNS,
    from_progress=FROM,
    revised=REVISED,
    linked=LINKED,
    of_people=OF_PEOPLE,
    few_facts=str(FEW_FACTS),
    of_person_max=str(OF_PERSON_MAX),
)


async def read_backlog(
    connection: Connection,
    known_through: datetime | None,
    facts_max: int,
    timers_max: int,
    known_shared: Collection[str],
    shared_min: int,
) -> Backlog:
    """The next groups, whole, of about `facts_max` facts; the first timers due by the last of them or `known_through`.

    `known_shared`, `shared_min`: who is shared: these people, and those at so many partners.
    Raises `LookupError` if the read model was not migrated.
    """
    row = await connection.fetchrow(
        _SQL["read_backlog"], facts_max, known_through, timers_max, list(known_shared), shared_min
    )
    progress = progress_of(row)
    assert row is not None
    groups = [
        Group(position, at, broadcast, revision, frozenset(ids or ()))
        for position, at, broadcast, revision, ids in row["groups"]
    ]
    all_read = not groups or groups[-1].append_position < progress.position + facts_max
    timers = [Timer(*timer) for timer in row["timers"]]
    return Backlog(
        row["version"],
        row["engine_id"],
        progress,
        groups,
        all_read,
        timers,
        row["facts"],
        row["of_people"],
        frozenset(row["shared"]),
    )


async def mentioned_after(connection: Connection, partner_id: str, partners_max: int) -> list[str]:
    """The first partners after `partner_id`, of all that were ever mentioned."""
    return [row["partner_id"] for row in await connection.fetch(_SQL["mentioned_after"], partner_id, partners_max)]
