"""The moment of a question (when, and known when), resolved against the log and the projection."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from typing import Final, NamedTuple, TypedDict

import asyncpg
import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.questions import AsOfMembers
from services.compliance.policy.parameters import Parameters
from services.compliance.read_model.known_policy import policy_through
from services.compliance.read_model.routing import PARTNER_ROUTES, PERSON_ROUTES, POLICY_KNOWN, routed_facts
from services.compliance.refusals import InvalidQuery, KnownInTheFuture
from services.web.refusal import engine_not_installed
from services.web.statements import statements
from shared.events.envelope import Fact

CURSOR_INSTANT: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z"
"""The pattern of an instant in a cursor."""
POSITION_MAX: Final = 2**63 - 1
"""The largest position that the database can be asked for."""

_SQL: Final = statements(
    __file__, partner_routes=PARTNER_ROUTES, person_routes=PERSON_ROUTES, policy_known=POLICY_KNOWN
)


barrier_connection: Final[ContextVar[Callable[[], AbstractAsyncContextManager[Connection]] | None]] = ContextVar(
    "barrier_connection", default=None
)
"""Opens the connection that draws a barrier; None: that of the question draws it.

Appends wait for the lock of a barrier, so that no process which comes after all others may hold it.
"""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The members of every answer that name its moment; instants are UTC.

    `policy_id`: the policy in force at `at` (R39). `engine`: the id of what derived the answer.
    """

    at: datetime
    known_at: datetime
    position: int
    policy_id: str
    engine: str


class Members(TypedDict):
    """The members of an `Answer`."""

    at: datetime
    known_at: datetime
    position: int
    policy_id: str
    engine: str


class AsOf(NamedTuple):
    """True at `at`, judged from the facts up to `position`, which were known at `known_at`.

    `policy_id`: the policy in force at `at`. `engine`: the id of what derives the answer. `revised_at`: when the next
    policy comes into force, if no fact comes; or None.
    """

    at: datetime
    known_at: datetime
    position: int
    policy_id: str
    engine: str
    revised_at: datetime | None

    @property
    def members(self) -> Members:
        """What every answer says of its moment."""
        return Members(
            at=self.at, known_at=self.known_at, position=self.position, policy_id=self.policy_id, engine=self.engine
        )

    def next_change(self, *instants: datetime | None) -> datetime | None:
        """The first of these instants, and of the next policy, which every answer names."""
        return min((instant for instant in (*instants, self.revised_at) if instant is not None), default=None)


def resumed_moment(at: str, position: str, asked: AsOfMembers) -> AsOfMembers:
    """The moment of a list that goes on from a cursor; what the question itself says of it takes precedence.

    `at`, `position`: of the cursor. Raises `ValueError` where they are none.
    """
    if int(position) > POSITION_MAX:
        raise ValueError(position)
    instant = asked.at or datetime.fromisoformat(at)
    if asked.known_at is not None or asked.known_position is not None:
        return msgspec.structs.replace(asked, at=instant)
    return AsOfMembers(instant, None, int(position))


async def as_of(
    connection: Connection, at: datetime, known_at: datetime, position: int, policy_fact_id: str | None, engine: str
) -> AsOf:
    """The moment, with the policy by the facts up to `policy_fact_id`, and the engine that answers."""
    in_force = (await policy_through(connection, policy_fact_id)).in_force
    return AsOf(at, known_at, position, in_force.at(at).policy_id, engine, in_force.next_start(at))


async def partner_as_of(
    connection: Connection, partner_id: str, members: AsOfMembers, parameters: Parameters
) -> tuple[AsOf, list[Fact]]:
    """The moment in question, and the facts routed to the partner that were known then. Raises like `moment_of`."""
    moment, rows = await _resolve(connection, _SQL["partner"], partner_id, members, parameters)
    return moment, _facts(partner_id, rows)


async def person_as_of(
    connection: Connection, consultant_id: str, members: AsOfMembers, parameters: Parameters
) -> tuple[AsOf, list[Fact] | None]:
    """The same for a person, from its own routes; None: no fact known then mentions it."""
    moment, rows = await _resolve(connection, _SQL["person"], consultant_id, members, parameters)
    return moment, _facts(consultant_id, rows) if rows[0]["mentioned"] else None


async def moment_of(connection: Connection, members: AsOfMembers, parameters: Parameters) -> tuple[int, AsOf]:
    """The last position of the log, then the moment in question.

    Draws a barrier first if only that shows that no further fact can be known of then. Raises `InvalidQuery` for a
    moment that is not known yet, and `EngineNotInstalled` where another engine decides than that of the parameters.
    """
    moment, rows = await _resolve(connection, _SQL["moment"], None, members, parameters)
    return rows[0]["head"], moment


async def _resolve(
    connection: Connection, statement: str, target: str | None, members: AsOfMembers, parameters: Parameters
) -> tuple[AsOf, Sequence[asyncpg.Record]]:
    if members.known_at is not None and members.known_position is not None:
        raise InvalidQuery("Give known_at or known_position, not both.", "known_position")
    arguments = (target, members.at, members.known_at, members.known_position)
    rows = await connection.fetch(statement, *arguments)
    if rows and not rows[0]["final"] and not rows[0]["ahead"]:
        await _draw_barrier(connection)
        rows = await connection.fetch(statement, *arguments)
    first = rows[0]
    if first["engine_id"] not in (None, parameters.version):
        raise engine_not_installed(first["engine_id"], parameters.version)
    if first["ahead"]:
        raise KnownInTheFuture("known_at is in the future: what will be known then is not known yet.", "known_at")
    if first["known_at"] is None:
        raise InvalidQuery(f"The log does not reach position {members.known_position} yet.", "known_position")
    when = first["at"], first["known_at"], first["position"], first["policy_fact_id"]
    moment = await as_of(connection, *when, parameters.version)
    return moment, rows


async def _draw_barrier(connection: Connection) -> None:
    connecting = barrier_connection.get()
    async with nullcontext(connection) if connecting is None else connecting() as drawing:
        await drawing.execute("SELECT certification.barrier()")


def _facts(target: str, rows: Sequence[asyncpg.Record]) -> list[Fact]:
    return routed_facts([target], (row for row in rows if row["topic"] is not None))[target]
