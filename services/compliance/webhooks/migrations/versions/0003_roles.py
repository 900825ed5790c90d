"""Rights of the dispatcher and of what serves; heartbeats of dispatchers."""

from services.web.migration_sql import sql_beside

revision = "0003"
down_revision = "0002"
upgrade = sql_beside(__file__)
