"""The columns that hold the id of an engine are called so."""

from services.web.migration_sql import sql_beside

revision = "0015"
down_revision = "0014"
upgrade = sql_beside(__file__)
