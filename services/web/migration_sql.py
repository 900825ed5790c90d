"""Migrations in SQL: a version runs the `.sql` file beside it."""

from collections.abc import Callable
from pathlib import Path

from alembic import op


def sql_beside(migration_file: str) -> Callable[[], None]:
    """The `upgrade` of a version: runs its SQL as it stands, without parameters.

    Names without a schema are looked up along the search path that the environment of the schema sets.
    """

    def upgrade() -> None:
        connection = op.get_bind().connection.driver_connection
        assert connection is not None
        connection.execute(Path(migration_file).with_suffix(".sql").read_text(encoding="utf-8"))

    return upgrade
