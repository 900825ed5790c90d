"""What each database role may write, found by trying: every table and column, with every statement."""

from collections.abc import Iterator
from typing import Final

import psycopg
import pytest
from psycopg import Connection, errors, sql

from tests.databases import Database

SCHEMAS: Final = ["certification", "compliance", "webhooks", "audit"]
COLUMNS: Final = """
    SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE n.nspname = ANY(%s) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    GROUP BY 1, 2
"""
FUNCTIONS: Final = """
    SELECT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'certification' AND has_function_privilege(p.oid, 'EXECUTE')
"""

CONFIGURED: Final = (
    "attempts batch_max changed_by delivered_sequence description disabled_because epoch failing_since failures fence"
    " heartbeat_seconds history next_attempt_at partner_ids position products rejecting_since replay_through revision"
    " sequence state types url warned_hours"
)
DELIVERED: Final = (
    "attempts delivered_sequence disabled_because failing_since failures fence held_by last_attempt_at"
    " last_delivered_at last_error last_status lease_until next_attempt_at position rejecting_since sequence state"
    " warned_hours"
)
MAY: Final[dict[str, dict[str, str]]] = {
    "certification_url": {
        "certification.free_text": "DELETE",
        "certification.profile": "INSERT DELETE UPDATE",
        "certification.partner_profile": "INSERT DELETE UPDATE",
    },
    "compliance_url": {
        "webhooks.endpoint": f"INSERT DELETE {CONFIGURED}",
        "webhooks.secret": "INSERT DELETE UPDATE",
        "webhooks.registration": "INSERT DELETE",
        "webhooks.parked_message": "DELETE released",
        "webhooks.attempt": "INSERT",
    },
    "follower_url": {
        "compliance.progress": "UPDATE",
        "compliance.compliance_event": "INSERT",
        "compliance.standing": "INSERT DELETE UPDATE",
        "compliance.replacement_window": "INSERT DELETE UPDATE",
        "compliance.policy_revision": "INSERT UPDATE",
        "compliance.timer": "INSERT DELETE UPDATE",
        "compliance.consultant_link": "INSERT DELETE UPDATE",
        "compliance.consultant_certification": "INSERT DELETE UPDATE",
        "compliance.maintenance_duty": "INSERT DELETE UPDATE",
        "compliance.mentioned_partner": "INSERT",
        "compliance.mentioned_consultant": "INSERT",
        "compliance.heartbeat": "INSERT DELETE UPDATE",
    },
    "dispatcher_url": {
        "webhooks.endpoint": DELIVERED,
        "webhooks.parked_message": "INSERT DELETE UPDATE",
        "webhooks.attempt": "INSERT DELETE",
        "webhooks.heartbeat": "INSERT DELETE UPDATE",
        "webhooks.reminder_progress": "INSERT UPDATE",
        "webhooks.reminder_mail": "INSERT DELETE UPDATE",
        "webhooks.reminder": "INSERT DELETE UPDATE",
    },
    "auditor_url": {},
    "sealer_url": {
        "audit.log": "fence held_by lease_until size",
        "audit.tile": "INSERT UPDATE",
        "audit.checkpoint": "INSERT",
        "audit.cosignature": "INSERT",
        "audit.signing_key": "INSERT",
        "audit.heartbeat": "INSERT DELETE UPDATE",
    },
}
"""Table to what may be done to it: statements, or the columns that may be changed."""

MAY_CALL: Final = {
    "certification_url": {"append", "barrier", "clock", "now", "settle_sandbox"},
    "compliance_url": {"barrier", "clock", "now", "portal_change_named"},
    "follower_url": {"barrier", "clock", "now", "portal_change_named"},
    "dispatcher_url": {"clock", "now"},
    "auditor_url": {"clock", "now"},
    "sealer_url": set(),
}


def writes(connection: Connection, table: sql.Identifier, columns: list[str]) -> Iterator[str]:
    """The statements that the role may use on the table, tried on no row."""
    tried = {
        "INSERT": sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {0} WHERE false"),
        "DELETE": sql.SQL("DELETE FROM {} WHERE false"),
        "TRUNCATE": sql.SQL("TRUNCATE {}"),
    }
    for name, statement in tried.items():
        if allowed(connection, statement.format(table, sql.SQL(", ").join(map(sql.Identifier, columns)))):
            yield name
    changed = [
        column
        for column in columns
        if allowed(connection, sql.SQL("UPDATE {} SET {} = NULL WHERE false").format(table, sql.Identifier(column)))
    ]
    yield from ["UPDATE"] if changed == columns else changed


def allowed(connection: Connection, statement: sql.Composed) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except errors.InsufficientPrivilege:
        return False
    return True


@pytest.mark.parametrize("role", list(MAY))
def test_a_role_writes_what_its_process_has_to_and_nothing_else(
    database: Database, owner: Connection, role: str
) -> None:
    found = {}
    with psycopg.connect(getattr(database, role), autocommit=True) as connection:
        for schema, name, columns in owner.execute(COLUMNS, [SCHEMAS]).fetchall():
            may = sorted(writes(connection, sql.Identifier(schema, name), columns))
            if may:
                found[f"{schema}.{name}"] = may
        functions = {function for (function,) in connection.execute(FUNCTIONS)}
    assert found == {table: sorted(may.split()) for table, may in MAY[role].items()}
    assert functions >= MAY_CALL[role]
    assert not functions & ({"append", "settle_sandbox", "set_clock"} - MAY_CALL[role])


RECORDS: Final = {"record_claims"}
KEEPS: Final = {"ask_what_if", "take_what_if", "report_what_if", "release_what_ifs", "forget_what_if"}
MAY_KEEP: Final = {
    "sagecert_claims": RECORDS,
    "sagecert_what_ifs": KEEPS,
    "sagecert_compliance": RECORDS | KEEPS,
    "sagecert_compliance_reader": set(),
    "sagecert_certification": set(),
    "sagecert_follower": set(),
    "sagecert_dispatcher": set(),
    "sagecert_auditor": set(),
    "sagecert_sealer": set(),
}
"""Role to the functions of the audit trail that write, and that it may call. Compliance takes on the first two."""


@pytest.mark.parametrize("role", list(MAY_KEEP))
def test_claims_and_what_ifs_have_a_role_each(owner: Connection, role: str) -> None:
    """What serves a question of an auditor can write nothing else."""
    found = {
        name
        for (name,) in owner.execute(
            "SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'audit'::regnamespace"
            " AND has_function_privilege(%s, p.oid, 'EXECUTE')",
            [role],
        )
    }
    assert found == MAY_KEEP[role]


@pytest.mark.parametrize("service", ["certification", "compliance"])
def test_what_serves_answers_writes_nothing_at_all(database: Database, owner: Connection, service: str) -> None:
    with psycopg.connect(getattr(database, f"{service}_url"), autocommit=True) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(f"sagecert_{service}_reader")))
        for schema, name, columns in owner.execute(COLUMNS, [SCHEMAS]).fetchall():
            assert not list(writes(connection, sql.Identifier(schema, name), columns)), (schema, name)
        functions = {function for (function,) in connection.execute(FUNCTIONS)}
        assert {"clock", "now", "barrier"} <= functions
        assert not functions & {"append", "settle_sandbox", "set_clock"}


@pytest.mark.parametrize("role", list(MAY))
def test_no_statement_and_no_idle_transaction_of_a_role_lasts(database: Database, role: str) -> None:
    with psycopg.connect(getattr(database, role)) as connection:
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("30s",)
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE certification.mine ()")
