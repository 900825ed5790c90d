"""The audit trail may read the log of compliance events."""

from services.web.migration_sql import sql_beside

revision = "0006"
down_revision = "0005"
upgrade = sql_beside(__file__)
