"""The read model's schema: described once, logged, and append-only where it must be."""

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import Connection, errors
from sqlalchemy import create_engine

from services.compliance.read_model.migrations import upgrade
from services.compliance.read_model.tables import metadata
from tests.compliance.log import Log
from tests.compliance.seed import BEGIN, SeedFacts
from tests.databases import Database


def test_the_migrations_make_exactly_the_tables_that_are_described(database: Database) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: _connect(database))
    with engine.connect() as connection:
        found = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True}),
            metadata,
        )
    engine.dispose()
    assert [one for one in found if "alembic_version" not in str(one)] == []


def test_a_read_model_from_before_the_renaming_of_columns_is_migrated_with_what_it_holds(database: Database) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database.owner_url))
    with engine.begin() as connection:
        upgrade(connection, "old", revision="0003")
        connection.exec_driver_sql(
            "UPDATE old.progress SET position = 9, cursor_instant = '2026-03-01Z', cursor_kind = 1,"
            " cursor_position = 8, cursor_partner_id = 'P1', sequence = 1;"
            " INSERT INTO old.adoption VALUES (1, 'p', 0, '2026-02-01Z', 0, 0, '~', now());"
            " INSERT INTO old.compliance_event VALUES (1, 'e', 't', 'P1', '{S200P}', now(), now(), 8, 'C1', '{}')"
        )
        upgrade(connection, "old")
        cursor = "cursor_position, cursor_partner_id, event_position"
        (progress,) = connection.exec_driver_sql(f"SELECT position, {cursor} FROM old.progress")
        (upgraded,) = connection.exec_driver_sql(f"SELECT {cursor} FROM old.policy_upgrade")
        (event,) = connection.exec_driver_sql("SELECT position, fact_position, about FROM old.compliance_event")
    engine.dispose()
    assert tuple(progress) == (9, 8, "P1", 1)
    assert tuple(upgraded) == (0, "~", 0)
    assert tuple(event) == (1, 8, "C1")


def test_whom_the_facts_name_that_an_old_read_model_holds_is_found(database: Database) -> None:
    """And nobody whom only facts name that it does not hold yet."""
    seed = SeedFacts()
    seed.var(BEGIN, "Cedar")
    held = seed.head
    seed.certified(BEGIN, "later")
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        Log(owner).write(seed.groups)
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database.owner_url))
    with engine.begin() as connection:
        upgrade(connection, "old", revision="0015")
        connection.exec_driver_sql(
            f"UPDATE old.progress SET position = {held};"
            " INSERT INTO old.standing VALUES ('Cedar', 'S200P', now(), NULL, 'compliant', 2, 2, 0, '', NULL, '', '')"
        )
        upgrade(connection, "old")
        connection.exec_driver_sql("SET LOCAL search_path = old")
        partners = connection.exec_driver_sql("SELECT partners_found('eda')").scalars().all()
        people = connection.exec_driver_sql("SELECT consultants_found('A') ORDER BY 1").scalars().all()
    engine.dispose()
    assert partners == ["Cedar"]
    assert people == ["Cedar-A", "Cedar-B"]


def test_every_table_survives_a_crash(owner: Connection) -> None:
    unlogged = owner.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'compliance'::regnamespace AND relpersistence <> 'p'"
    ).fetchall()
    assert unlogged == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE compliance.compliance_event SET type = ''",
        "DELETE FROM compliance.compliance_event",
        "TRUNCATE compliance.compliance_event",
    ],
)
def test_nobody_changes_the_log_of_compliance_events_not_even_its_owner(owner: Connection, statement: str) -> None:
    with pytest.raises(errors.RestrictViolation, match="append-only"):
        owner.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO certification.stored_events SELECT * FROM certification.stored_events",
        "SELECT certification.append('[]')",
        "UPDATE certification.recording SET floor = NULL",
        "SELECT * FROM certification.profile",
        "DELETE FROM compliance.compliance_event",
        "DROP TABLE compliance.standing",
        "UPDATE webhooks.endpoint SET url = ''",
    ],
)
def test_the_role_of_the_follower_can_write_the_read_model_and_nothing_else(database: Database, statement: str) -> None:
    with psycopg.connect(database.follower_url) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement)


def _connect(database: Database) -> psycopg.Connection:
    return psycopg.connect(database.owner_url, options="-csearch_path=compliance")
