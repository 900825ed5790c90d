"""A process that replays history: one question at a time, on a connection of its own.

    python -m services.compliance.historical_answers.worker FILE_DESCRIPTOR

It imports no web framework and restarts in a quarter of a second. It ends with its parent: Linux kills it; elsewhere
it finds the socket closed.
"""

import asyncio
import gc
import os
import socket
import sys
import traceback
from contextlib import suppress
from typing import Final

import asyncpg
import uvloop

from services.compliance.database import (
    DATABASE_AWAY,
    READING_ROLE,
    Connection,
    OwnConnection,
    connect_to,
    session_of,
)
from services.compliance.historical_answers import (
    claims,
    consultant_lists,
    consultants,
    due_days,
    explanations,
    facts_without_effect,
    lists,
    maintenance_list,
    partner_changes,
    partners,
    policy,
    portal_changes,
    previews,
    standing_history,
    timeline,
)
from services.compliance.historical_answers.queries import (
    Answered,
    ConsultantCertification,
    ConsultantsList,
    DatabaseAway,
    DueDays,
    FactsWithoutEffect,
    Failed,
    HistoryQuery,
    MaintenanceList,
    PartnerAuthorisation,
    PartnerChanges,
    PartnerClaims,
    PartnerCompliance,
    PartnerExplanation,
    PartnerProducts,
    PartnersList,
    PartnerStandings,
    PartnerTimeline,
    PolicyQuestion,
    PortalChangeNotifications,
    PortalChangesList,
    Preview,
    Refused,
    Reply,
    WindowsList,
    WorkerSettings,
    decode_question,
    decode_settings,
    encode,
)
from services.compliance.parent_process import end_with
from services.compliance.policy.parameters import Parameters
from services.web.database_role import take_reading_role
from services.web.refusal import Refusal

_LENGTH_BYTES: Final = 4
_THRESHOLDS: Final = (50_000, 10, 10)


async def answer(connection: Connection, question: HistoryQuery, parameters: Parameters) -> bytes:
    """The body of the answer, in JSON or in the form asked for. Raises refusals and what PostgreSQL raises."""
    match question:
        case PartnerCompliance():
            return await partners.compliance(connection, question, parameters)
        case PartnerAuthorisation():
            return await partners.authorisation(connection, question, parameters)
        case PartnerProducts():
            return await partners.every_product(connection, question, parameters)
        case PartnerStandings():
            return await standing_history.partner_standings(connection, question, parameters)
        case PartnerTimeline():
            return await timeline.timeline(connection, question, parameters)
        case ConsultantCertification():
            return await consultants.certification(connection, question, parameters)
        case PortalChangeNotifications():
            return await portal_changes.notifications(connection, question, parameters)
        case PolicyQuestion():
            return await policy.policy(connection, question, parameters)
        case PortalChangesList():
            return await portal_changes.portal_changes(connection, question, parameters)
        case Preview():
            return await previews.preview(connection, question, parameters)
        case PartnersList() | WindowsList() | ConsultantsList() | MaintenanceList() | DueDays():
            return await _listed(connection, question, parameters)
        case _:
            return await _audited(connection, question, parameters)


async def _listed(
    connection: Connection,
    question: PartnersList | WindowsList | ConsultantsList | MaintenanceList | DueDays,
    parameters: Parameters,
) -> bytes:
    """A page of a list."""
    match question:
        case PartnersList():
            return await lists.partners(connection, question, parameters)
        case WindowsList():
            return await lists.windows(connection, question, parameters)
        case ConsultantsList():
            return await consultant_lists.consultants(connection, question, parameters)
        case MaintenanceList():
            return await maintenance_list.maintenance(connection, question, parameters)
        case DueDays():
            return await due_days.due_days(connection, question)


async def _audited(
    connection: Connection,
    question: PartnerExplanation | PartnerChanges | PartnerClaims | FactsWithoutEffect,
    parameters: Parameters,
) -> bytes:
    """What auditors ask."""
    match question:
        case PartnerExplanation():
            return await explanations.partner_explanation(connection, question, parameters)
        case PartnerChanges():
            return await partner_changes.partner_changes(connection, question, parameters)
        case FactsWithoutEffect():
            return await facts_without_effect.without_effect(connection, question, parameters)
        case PartnerClaims():
            return await claims.claims(connection, question, parameters)


async def reading_connection(settings: WorkerSettings) -> OwnConnection:
    """A connection that reads only. Raises what `connect_to` raises."""
    session = session_of(settings.database_schema, settings.database_role, settings.seconds_max)
    connection = await connect_to(settings.database_url, session, settings.seconds_max)
    await take_reading_role(READING_ROLE, connection)
    return connection


class _Answers:
    """Connects for the first question, and reconnects after a lost connection."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._parameters = settings.parameters
        self._connection: OwnConnection | None = None

    async def reply(self, question: HistoryQuery) -> Reply:
        """The answer, or why there is none."""
        try:
            connection = await self._connected()
        except DATABASE_AWAY:
            return DatabaseAway()
        try:
            return Answered(await answer(connection, question, self._parameters))
        except Refusal as refusal:
            return Refused(type(refusal).__name__, refusal.detail, refusal.parameter)
        except (asyncpg.QueryCanceledError, TimeoutError):
            self._hang_up()
            detail = f"The answer takes longer than {self._settings.seconds_max:g} seconds."
            return Refused("TakesTooLong", detail, None)
        except DATABASE_AWAY:
            self._hang_up()
            return DatabaseAway()
        except Exception:
            self._hang_up()
            return Failed(traceback.format_exc())

    async def _connected(self) -> OwnConnection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await reading_connection(self._settings)
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _serve(descriptor: int) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor))
    settings = decode_settings(await _read(reader))
    end_with(settings.parent)
    os.nice(settings.niceness)
    gc.collect()
    gc.freeze()
    answers = _Answers(settings)
    _write(writer, b"ready")
    while True:
        question = decode_question(await _read(reader))
        _write(writer, encode(await answers.reply(question)))
        await writer.drain()


async def _read(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    return await reader.readexactly(length)


def _write(writer: asyncio.StreamWriter, message: bytes) -> None:
    writer.write(len(message).to_bytes(_LENGTH_BYTES, "big") + message)


def main() -> None:
    """Answers until the parent is gone."""
    gc.set_threshold(*_THRESHOLDS)
    with suppress(asyncio.IncompleteReadError, ConnectionError, KeyboardInterrupt):
        uvloop.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
