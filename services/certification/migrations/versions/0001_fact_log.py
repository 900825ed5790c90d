"""The fact log, its clock and the functions that append to it."""

from services.web.migration_sql import sql_beside

revision = "0001"
down_revision = None
upgrade = sql_beside(__file__)
