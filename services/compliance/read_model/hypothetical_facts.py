"""Routes hypothetical facts as if the log held them: the partners concerned, and the facts routed to each."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import asyncpg

from services.compliance.database import Connection
from services.compliance.read_model.routing import routed_facts, routing_statements
from services.compliance.refusals import InvalidQuery
from services.web.statements import statements
from shared.events.envelope import Fact
from shared.events.facts import POLICY, PORTAL_CHANGE, TOPIC_OF, FactData, FactVoided

_ROUTES: Final = routing_statements("hypothetical_log")
_SQL: Final = statements(
    __file__,
    partner_routes=_ROUTES["partner_routes"],
    person_routes=_ROUTES["person_routes"],
    group_routes=_ROUTES["group_routes"],
)


class About(NamedTuple):
    """The stream of a fact, and the columns by which it is routed; a void has those of the fact that it voids."""

    stream: str
    partner_id: str | None = None
    into_partner_id: str | None = None
    consultant_id: str | None = None

    @property
    def everybody(self) -> bool:
        """Whether it is about a portal change or the policy."""
        return self.stream.startswith((PORTAL_CHANGE.prefix, POLICY.prefix))


class RoutedFacts(NamedTuple):
    """The facts routed to one partner or person, in log order: those that are known, and the hypothetical ones."""

    known: list[Fact]
    hypothetical: list[Fact]


class HypotheticalFacts:
    """Facts that would be recorded after the position `through`, in this order."""

    def __init__(self, facts: Sequence[Fact], about: Sequence[About], through: int) -> None:
        self.facts = facts
        self.about = about
        self._through = through
        self._columns = (
            [fact.fact_id for fact in facts],
            [TOPIC_OF[type(fact.data)] for fact in facts],
            *map(list, zip(*about, strict=True)),
        )

    @classmethod
    async def of(cls, connection: Connection, facts: Sequence[Fact], through: int) -> "HypotheticalFacts":
        """Looks up what the voids among them are about. Raises `InvalidQuery` for an id that a recorded fact has."""
        voided = [fact.data.fact_id for fact in facts if isinstance(fact.data, FactVoided)]
        rows = await connection.fetch(_SQL["named"], [*voided, *(fact.fact_id for fact in facts)])
        targets = {row["fact_id"]: About(*tuple(row)[1:]) for row in rows}
        for fact in facts:
            if fact.fact_id in targets:
                raise InvalidQuery(f"The fact {fact.fact_id} is recorded already: nothing is left to preview.", "facts")
        about: list[About] = []
        for fact in facts:
            found = targets.get(fact.data.fact_id) if isinstance(fact.data, FactVoided) else _about(fact.data)
            about.append(found or About(""))
            targets[fact.fact_id] = about[-1]
        return cls(facts, about, through)

    @property
    def everybody(self) -> bool:
        """Whether every partner is concerned."""
        return any(about.everybody for about in self.about)

    async def partners(self, connection: Connection) -> list[str]:
        """The partners that they concern, in order; those of a portal change or a revision of the policy aside."""
        rows = await connection.fetch(_SQL["concerned"], *self._columns)
        return [row["partner_id"] for row in rows]

    async def of_partners(self, connection: Connection, partner_ids: Sequence[str]) -> dict[str, RoutedFacts]:
        """For each of the partners the facts that would be routed to it."""
        rows = await connection.fetch(_SQL["of_partners"], *self._columns, partner_ids, self._through)
        return self._routed(partner_ids, rows)

    async def of_person(self, connection: Connection, consultant_id: str) -> RoutedFacts:
        """The facts that would be routed to the person."""
        rows = await connection.fetch(_SQL["of_person"], *self._columns, consultant_id, self._through)
        return self._routed([consultant_id], rows)[consultant_id]

    def _routed(self, ids: Sequence[str], rows: Iterable[asyncpg.Record]) -> dict[str, RoutedFacts]:
        known: list[asyncpg.Record] = []
        numbers: dict[str | None, set[int]] = {}
        for row in rows:
            if row["notification_id"] > 0:
                known.append(row)
            else:
                numbers.setdefault(row["target_id"], set()).add(-row["notification_id"])
        broadcast = numbers.get(None, set())
        return {
            target: RoutedFacts(
                facts, [self.facts[number - 1] for number in sorted(broadcast | numbers.get(target, set()))]
            )
            for target, facts in routed_facts(ids, known).items()
        }


def _about(data: FactData) -> About:
    """What the fact is about, as its class declares it."""
    assert data.stream is not None, "a void is about the fact that it voids"
    stream = data.stream.prefix + str(getattr(data, data.stream.id_field))
    into, consultant_id = getattr(data, "into", None), getattr(data, "consultant_id", None)
    return About(stream, getattr(data, "partner_id", None), into, consultant_id)
