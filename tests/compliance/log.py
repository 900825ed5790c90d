"""Puts facts into the log as they are, with the instants of recording that a test wants; and ways to follow them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec
import psycopg
from psycopg import Connection
from pydantic import SecretStr

from services.certification.event_store.append_request import UNDATED, AppendRequest, Routing, row
from services.certification.event_store.streams import routing_of
from services.compliance.database import OwnConnection, connect
from services.compliance.projection.batch import Projector
from services.compliance.settings import ComplianceSettings
from shared.events.envelope import Fact
from shared.events.facts import AttemptScored, ExamRegistered, FactData, FactVoided, ScoreCorrected
from shared.events.wire import encode
from tests.databases import Database

Group = tuple[Fact, ...]

_INSERT = """
    INSERT INTO certification.stored_events (
        originator_id, originator_version, topic, state, notification_id, append_position, fact_id, recorded_at,
        effective_at, partner_id, into_partner_id, consultant_id, voided_fact_id)
    VALUES (%s, (SELECT count(*) + 1 FROM certification.stored_events WHERE originator_id = %s),
        %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


OURS: Final = ComplianceSettings.model_validate({"database_url": "postgresql://nowhere"}).parameters
"""By which the services derive and answer: the policy of August 2021, with the id of this engine."""


class Log:
    """Writes into the log of a database as its owner, routed as certification routes."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._routings: dict[str, Routing] = {}
        self._consultants: dict[str, str] = {}

    def write(self, groups: Iterable[Group]) -> None:
        """Appends the groups, each in a transaction of its own; they carry their positions and instants."""
        for group in groups:
            with self._connection.transaction():
                for fact in group:
                    self._insert(fact)

    def _insert(self, fact: Fact) -> None:
        data, voided = fact.data, None
        if isinstance(data, ExamRegistered):
            self._consultants[data.registration_id] = data.consultant_id
        consultant_id = None
        if isinstance(data, AttemptScored | ScoreCorrected):
            consultant_id = self._consultants.get(data.registration_id)
        if isinstance(data, FactVoided):
            voided = self._routings[data.fact_id]
        routing = self._routings[fact.fact_id] = routing_of(data, consultant_id, voided)
        topic, state = encode(fact)
        self._connection.execute(
            _INSERT,
            [
                routing.originator_id,
                routing.originator_id,
                topic,
                state,
                fact.position,
                fact.append_position,
                fact.fact_id,
                fact.recorded_at,
                fact.effective_at,
                routing.partner_id,
                routing.into_partner_id,
                routing.consultant_id,
                data.fact_id if isinstance(data, FactVoided) else None,
            ],
        )


def settings_for(database: Database) -> ComplianceSettings:
    """The compliance service on this database, with the role that it has in a deployment."""
    return ComplianceSettings.model_validate({"database_url": database.compliance_url})


def as_follower(settings: ComplianceSettings) -> ComplianceSettings:
    """The same for what follows, which has a role of its own."""
    return _as(settings, "sagecert_follower")


def as_dispatcher(settings: ComplianceSettings) -> ComplianceSettings:
    """The same for what delivers, which has a role of its own."""
    return _as(settings, "sagecert_dispatcher")


def _as(settings: ComplianceSettings, role: str) -> ComplianceSettings:
    url = settings.database_url.get_secret_value().replace("//sagecert_compliance@", f"//{role}@")
    return settings.model_copy(update={"database_url": SecretStr(url)})


def set_clock(database: Database, instant: datetime, *, running: bool = False) -> None:
    """Moves the clock of a sandbox database; back as well, since no fact was recorded through it."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE certification.recording SET clock_at = %s, clock_started_at ="
            " CASE WHEN %s THEN clock_timestamp() END, floor = NULL",
            [instant, running],
        )


def install(database: Database, engine_id: str) -> None:
    """Lets an engine decide; the fact that it names is none of the log, whose positions a test gives."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE certification.recording SET engine_id = %s, engine_fact_id = %s",
            [engine_id, f"installed-{engine_id}"],
        )


async def compliance_log(connection: OwnConnection) -> list[asyncpg.Record]:
    """Every compliance event, in order."""
    return await connection.fetch("SELECT * FROM compliance_event ORDER BY position")


def shuffled_sizes(total: int, sizes: Sequence[int]) -> list[slice]:
    """Slices that cover `total` items, of these sizes in turn."""
    slices, start, turn = [], 0, 0
    while start < total:
        size = sizes[turn % len(sizes)]
        slices.append(slice(start, start + size))
        start, turn = start + size, turn + 1
    return slices


def one_call(fact_id: str, data: FactData) -> str:
    """What `certification.append` takes for one fact that is true when it is recorded."""
    fact = Fact(fact_id, UNDATED, UNDATED, data)
    facts = (row(fact, routing_of(data, None, None), UNDATED),)
    return msgspec.json.encode([AppendRequest("test", fact_id, r"\x00", facts)]).decode()


async def followed(database: Database, groups: list[Group], now: datetime) -> ComplianceSettings:
    """The settings of a service on the database, which holds these facts, projected up to the instant."""
    settings = settings_for(database)
    set_clock(database, now)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        Log(owner).write(groups)
    connection = await connect(as_follower(settings))
    await Projector(connection, OURS, "test").advance_fully(now)
    await connection.close()
    return settings
