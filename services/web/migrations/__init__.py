"""Runs the migrations of a schema, with Alembic, as its owner."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

_ENVIRONMENT: Final = Path(__file__).parent


def upgrade(connection: Connection, schema: str, versions: Path, revision: str = "head") -> None:
    """Brings the schema to the `revision` within the transaction of `connection` (SQLAlchemy on psycopg).

    Creates the schema where there is none. `versions`: the directory of its migrations.
    """
    config = Config()
    config.set_main_option("script_location", str(_ENVIRONMENT))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    command.upgrade(config, revision)
