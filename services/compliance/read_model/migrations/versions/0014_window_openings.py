"""The partners whose windows opened on a day."""

from services.web.migration_sql import sql_beside

revision = "0014"
down_revision = "0013"
upgrade = sql_beside(__file__)
