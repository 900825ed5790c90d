"""Migrations of the schema `compliance`; they run as its owner."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

SCHEMA: Final = "compliance"
_HERE: Final = Path(__file__).parent


def upgrade(connection: Connection, schema: str = SCHEMA, migrations: Path = _HERE, revision: str = "head") -> None:
    """Brings the schema to the `revision` within the transaction of `connection` (SQLAlchemy on psycopg).

    Creates the schema where there is none. A rebuild names a second one. `migrations`: where its versions lie.
    """
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("version_locations", str(migrations / "versions"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    command.upgrade(config, revision)
