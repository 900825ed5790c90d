"""The sandbox: sets the clock and empties the system, for integrators who cannot wait thirty days.

It works as the owner of the schemas, and only on a database that was a sandbox from its first start.
"""

from datetime import datetime
from time import monotonic, sleep
from typing import Any, Final

import psycopg
from fastapi import Depends, FastAPI, Request
from psycopg import Connection
from pydantic import ValidationInfo, field_validator
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.responses import Response

from services.certification.api.fields import Answer, Instant, InstantAnswer
from services.host import migrate
from services.host.api_keys.keys_over_reset import issue_again, keys_in_force
from services.web.application import application
from services.web.input_parsing import YEARS, Body, reject_duplicate_keys
from services.web.openapi import complete
from services.web.problem_details import SHARED, TYPE_PREFIX, Problem, install, problem_response
from services.web.scopes import Scope, requires
from shared.events.channels import COMPLIANCE_CHANNEL, FACTS_CHANNEL, KEYS_CHANNEL

CURRENT_SECONDS_MAX: Final = 60.0
"""How long the projections may take to be current at a new instant."""

RESET_SECONDS_MAX: Final = 30.0
LOCK_MILLISECONDS_MAX: Final = 250
"""A reset waits no longer for readers; it lets them finish and tries again."""

POLL_SECONDS: Final = 0.02
"""The longest delay before it sees current projections or a free lock."""

GOES_BACK: Final = Problem(
    TYPE_PREFIX + "clock-goes-back",
    "The clock never goes back",
    409,
    "The clock, or the last fact, is later than that already; only a reset goes back.",
)
NOT_CURRENT: Final = Problem(
    TYPE_PREFIX + "not-current",
    "Not every projection is current",
    503,
    "The clock is set; is a follower running (`sagecert compliance work`)? Setting it to the same instant waits again.",
)

MALFORMED: Final[dict[int | str, dict[str, Any]]] = {422: {"description": "Malformed"}}
NOT_SET: Final[dict[int | str, dict[str, Any]]] = {
    **MALFORMED,
    409: {"description": GOES_BACK.title},
    503: {"description": NOT_CURRENT.title},
}

_EMPTY_LOG: Final = """
    ALTER TABLE certification.stored_events DISABLE TRIGGER append_only;
    TRUNCATE certification.stored_events, certification.free_text, certification.profile,
        certification.partner_profile, certification.recording;
    ALTER TABLE certification.stored_events ENABLE ALWAYS TRIGGER append_only;
    INSERT INTO certification.recording DEFAULT VALUES
"""

_REMINDED: Final = "SELECT EXISTS (SELECT FROM webhooks.reminder_progress)"
"""Whether reminders have begun: they then begin with the first event of the empty log, not with what comes later."""

CURRENT: Final = """
    SELECT p.known_through >= %s AND p.position >= (
        SELECT coalesce(max(e.notification_id), 0) FROM certification.stored_events e)
    FROM compliance.progress p
"""


class ClockBody(Body):
    """The instant that the clock shows. `running`: it goes on from there; otherwise it stands still."""

    now: Instant
    running: bool = False

    @field_validator("running")
    @classmethod
    def _stays_within_the_years(cls, running: bool, info: ValidationInfo) -> bool:
        """A fact recorded after the last accepted year could never be asked about."""
        now = info.data.get("now")
        if running and now is not None and now.year == YEARS[-1]:
            raise ValueError(f"set a running clock to before {YEARS[-1]}: later it would leave the accepted years")
        return running


class ClockAnswer(Answer):
    """What the clock shows."""

    now: InstantAnswer
    running: bool


class NotDone(Exception):
    """The sandbox does not do what it was asked."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem


def create_app(owner_url: str) -> FastAPI:
    """The application; `owner_url` is where the owner of the schemas reaches the database."""
    dependencies = [Depends(reject_duplicate_keys)]
    app = application(FastAPI, "sandbox", "Sets the clock of the whole system.", (), dependencies=dependencies)
    install(app, SHARED)
    app.add_exception_handler(NotDone, _not_done)

    complete(app, (), {})

    @app.get("/sandbox/v1/clock", tags=["Sandbox"])
    @requires(Scope.READ)
    def clock() -> ClockAnswer:
        """What the clock shows."""
        with psycopg.connect(owner_url, autocommit=True) as connection:
            return _clock(connection)

    @app.put("/sandbox/v1/clock", tags=["Sandbox"], responses=NOT_SET)
    @requires(Scope.ADMIN)
    def set_clock(body: ClockBody) -> ClockAnswer:
        """Sets the clock forward; answers once every timer due by then has fired and every projection is current."""
        with psycopg.connect(owner_url, autocommit=True) as connection:
            row = connection.execute("SELECT certification.set_clock(%s, %s)", [body.now, body.running]).fetchone()
            if row != (True,):
                raise NotDone(GOES_BACK)
            _wait_until_current(connection, body.now)
            return _clock(connection)

    @app.post("/sandbox/v1/reset", tags=["Sandbox"], responses=MALFORMED)
    @requires(Scope.ADMIN)
    def reset(body: ClockBody) -> ClockAnswer:
        """Empties everything and sets the clock: the only way back in time."""
        empty(owner_url, body.now, running=body.running)
        return ClockAnswer(now=body.now, running=body.running)

    return app


def empty(owner_url: str, now: datetime, *, running: bool) -> None:
    """Empties the log and recreates every other schema, all or nothing, with the clock at `now`.

    The same engine decides; the fact that installed it is gone with the others. The keys in force are issued again, as
    the first facts of the empty log, so that a reset locks no caller out.
    The functions of the log stay, because a session of PostgreSQL keeps calling a function that it has called before.
    Others may be reading, or migrating another database of the server: on a lock conflict it lets them finish and tries
    again.
    Raises `SandboxMismatch` on a database that is not a sandbox, before it drops anything.
    """
    engine = migrate.owner_engine(owner_url)
    deadline = monotonic() + RESET_SECONDS_MAX
    while True:
        try:
            with engine.begin() as connection:
                connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS_MAX}"))
                migrate.fix_kind(connection, sandbox=True)
                kept = keys_in_force(connection)
                reminded = connection.execute(text(_REMINDED)).scalar_one()
                engine_id = connection.execute(text("SELECT engine_id FROM certification.engine()")).scalar_one()
                connection.execute(text("DROP SCHEMA IF EXISTS compliance, webhooks, audit CASCADE"))
                connection.execute(text(_EMPTY_LOG))
                migrate.upgrade(connection)
                migrate.fix_kind(connection, sandbox=True)
                connection.execute(
                    text(
                        "UPDATE certification.recording SET clock_at = :now, engine_id = :engine_id,"
                        " clock_started_at = CASE WHEN :running THEN clock_timestamp() END"
                    ),
                    {"now": now, "running": running, "engine_id": engine_id},
                )
                issue_again(connection, kept)
                if reminded:
                    connection.execute(text("INSERT INTO webhooks.reminder_progress (position) VALUES (0)"))
                for channel in (FACTS_CHANNEL, COMPLIANCE_CHANNEL, KEYS_CHANNEL):
                    connection.execute(text(f"NOTIFY {channel}"))
            return
        except (DBAPIError, psycopg.Error) as error:  # migrations use the driver itself
            cause = error.orig if isinstance(error, DBAPIError) else error
            if monotonic() > deadline or not isinstance(cause, psycopg.OperationalError | psycopg.InternalError):
                raise
            sleep(POLL_SECONDS)


def _clock(connection: Connection[Any]) -> ClockAnswer:
    row = connection.execute("SELECT now, running FROM certification.clock()").fetchone()
    assert row is not None
    return ClockAnswer(now=row[0], running=row[1])


def _wait_until_current(connection: Connection[Any], now: datetime) -> None:
    """Wakes the projections and waits for them. Raises `NotDone`."""
    connection.execute("LISTEN sagecert_compliance")
    connection.execute("NOTIFY sagecert_facts")
    deadline = monotonic() + CURRENT_SECONDS_MAX
    while connection.execute(CURRENT, [now]).fetchone() != (True,):
        if monotonic() > deadline:
            raise NotDone(NOT_CURRENT)
        for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
            pass


async def _not_done(_: Request, error: Exception) -> Response:
    assert isinstance(error, NotDone)
    headers = {"Retry-After": "1"} if error.problem.status == 503 else None
    return problem_response(error.problem, headers)
