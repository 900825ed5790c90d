"""A role for what only reads."""

from services.web.migration_sql import sql_beside

revision = "0007"
down_revision = "0006"
upgrade = sql_beside(__file__)
