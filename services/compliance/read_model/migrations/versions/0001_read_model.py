"""The read model: progress, the log of compliance events, standings, windows, timers."""

from services.web.migration_sql import sql_beside

revision = "0001"
down_revision = None
upgrade = sql_beside(__file__)
