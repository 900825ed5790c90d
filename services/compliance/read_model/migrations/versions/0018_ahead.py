"""Which standings and windows lay ahead when they were written."""

from services.web.migration_sql import sql_beside

revision = "0018"
down_revision = "0017"
upgrade = sql_beside(__file__)
