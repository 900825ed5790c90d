"""Full tiles with the roots over each 16 of their hashes."""

from services.web.migration_sql import sql_beside

revision = "0005"
down_revision = "0004"
upgrade = sql_beside(__file__)
