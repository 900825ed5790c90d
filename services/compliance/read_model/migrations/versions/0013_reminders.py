"""What the dispatcher may read to make reminders."""

from services.web.migration_sql import sql_beside

revision = "0013"
down_revision = "0012"
upgrade = sql_beside(__file__)
