"""A third sealed log, over the claims."""

from services.web.migration_sql import sql_beside

revision = "0004"
down_revision = "0003"
upgrade = sql_beside(__file__)
