"""Migrations of the schema `audit`; they run as its owner."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

SCHEMA: Final = "audit"


def upgrade(connection: Connection) -> None:
    """Brings the schema to the newest version within the transaction of `connection` (SQLAlchemy on psycopg)."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
