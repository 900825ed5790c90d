"""Migrations of the schema `compliance`; they run as its owner."""

from pathlib import Path

from sqlalchemy import Connection

from services.web import migrations


def upgrade(connection: Connection, schema: str = "compliance", revision: str = "head") -> None:
    """As `services.web.migrations.upgrade`. A rebuild names a second schema."""
    migrations.upgrade(connection, schema, Path(__file__).parent / "versions", revision)
