"""A process that replays history: one question at a time, on one connection.

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
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Any, Final

import asyncpg
import msgspec
import uvloop

from services.compliance.child_process import Messages
from services.compliance.database import DATABASE_AWAY, READING_ROLE, Connection, OwnConnection, connect_to, session_of
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
    partner_comparison,
    partners,
    policy,
    portal_changes,
    previews,
    questions,
    standing_history,
    timeline,
)
from services.compliance.historical_answers.as_of import barrier_connection
from services.compliance.historical_answers.questions import (
    Answered,
    DatabaseAway,
    Failed,
    Question,
    Refused,
    Reply,
    WorkerSettings,
    decode_settings,
    encode,
)
from services.compliance.parent_process import end_with
from services.compliance.policy.parameters import Parameters
from services.compliance.process_priority import lower_database_session, lower_priority
from services.web.database_connections import terminating
from services.web.database_role import take_reading_role
from services.web.refusal import Refusal

_THRESHOLDS: Final = (50_000, 10, 10)


ANSWERS: Final[Mapping[type, Callable[[Connection, Any, Parameters], Awaitable[bytes]]]] = {
    questions.PartnerCompliance: partners.compliance,
    questions.PartnerAuthorisation: partners.authorisation,
    questions.PartnerProducts: partners.every_product,
    questions.PartnerComparison: partner_comparison.partner_comparison,
    questions.PartnerStandings: standing_history.partner_standings,
    questions.PartnerTimeline: timeline.timeline,
    questions.ConsultantCertification: consultants.certification,
    questions.ConsultantCertifications: consultants.certifications,
    questions.PolicyQuestion: policy.policy,
    questions.PortalChangesList: portal_changes.portal_changes,
    questions.PortalChangeTerms: portal_changes.portal_change,
    questions.PortalChangeNotifications: portal_changes.notifications,
    questions.Preview: previews.preview,
    questions.PartnersList: lists.partners,
    questions.WindowsList: lists.windows,
    questions.ConsultantsList: consultant_lists.consultants,
    questions.ConsultantsOfPartner: consultant_lists.consultants,
    questions.MaintenanceList: maintenance_list.maintenance,
    questions.DueDays: due_days.due_days,
    questions.PartnerExplanation: explanations.partner_explanation,
    questions.PartnerChanges: partner_changes.partner_changes,
    questions.FactsWithoutEffect: facts_without_effect.without_effect,
    questions.PartnerClaims: claims.claims,
}
"""The body of the answer to each kind of question, in JSON or in the form asked for.

They raise refusals and what PostgreSQL raises.
"""
_decode: Final[Callable[[bytes], Question]] = msgspec.msgpack.Decoder(reduce(or_, ANSWERS)).decode


async def reading_connection(settings: WorkerSettings) -> OwnConnection:
    """A connection that reads only. Raises what `connect_to` raises."""
    session = session_of(settings.database_schema, settings.database_role, settings.seconds_max)
    connection = await connect_to(settings.database_url, session, settings.seconds_max)
    await take_reading_role(READING_ROLE, connection)
    return connection


class _Answers:
    """Connects for the first question, and reconnects after a lost connection.

    Where the server is ours, the process of PostgreSQL that works for the questions comes after all others, too.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._parameters = settings.parameters
        self._connection: OwnConnection | None = None

    async def reply(self, question: Question) -> Reply:
        """The answer, or why there is none."""
        try:
            connection = await self._connected()
        except DATABASE_AWAY:
            return DatabaseAway()
        try:
            return Answered(await ANSWERS[type(question)](connection, question, self._parameters))
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
            pid, settings = self._connection.get_server_pid(), self._settings
            lower_database_session(pid, settings.parent, os.getpriority(os.PRIO_PROCESS, 0))
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _serve(descriptor: int) -> None:
    messages = await Messages.of(socket.socket(fileno=descriptor))
    settings = decode_settings(await messages.read())
    end_with(settings.parent)
    lower_priority(settings.niceness)
    gc.collect()
    gc.freeze()
    answers = _Answers(settings)
    barrier_connection.set(lambda: terminating(reading_connection(settings)))
    await messages.write(b"ready")
    while True:
        question = _decode(await messages.read())
        await messages.write(encode(await answers.reply(question)))


def main() -> None:
    """Answers until the parent is gone."""
    gc.set_threshold(*_THRESHOLDS)
    with suppress(asyncio.IncompleteReadError, ConnectionError, KeyboardInterrupt):
        uvloop.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
