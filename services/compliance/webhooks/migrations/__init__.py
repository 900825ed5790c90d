"""Migrations of the schema `webhooks`; they run as its owner."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from services.compliance.read_model import migrations

SCHEMA: Final = "webhooks"


def upgrade(connection: Connection) -> None:
    """Brings the schema to the newest version within the transaction of `connection` (SQLAlchemy on psycopg).

    Creates the schema where there is none.
    """
    migrations.upgrade(connection, SCHEMA, Path(__file__).parent)
