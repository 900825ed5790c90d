"""Names are found by their parts, by an index that every server has."""

from services.web.migration_sql import sql_beside

revision = "0012"
down_revision = "0011"
upgrade = sql_beside(__file__)
