"""Applications of the eventsourcing library on the log of a test's database."""

from typing import Final

import psycopg

from tests.databases import Database

MODULE: Final = "services.certification.event_store.factory"
PROJECTIONS: Final = "projections"


def environment(database: Database) -> dict[str, str]:
    """The settings of an application that appends; its projections keep their tables in a schema of their own."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(f"CREATE SCHEMA IF NOT EXISTS {PROJECTIONS}")
        owner.execute(f"GRANT USAGE, CREATE ON SCHEMA {PROJECTIONS} TO sagecert_certification")
    return {
        "PERSISTENCE_MODULE": MODULE,
        "SAGECERT_CERTIFICATION_DATABASE_URL": database.certification_url,
        "SAGECERT_TRACKING_SCHEMA": PROJECTIONS,
    }
