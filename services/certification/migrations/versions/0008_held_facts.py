"""An index of what can wait for another fact."""

from services.web.migration_sql import sql_beside

revision = "0008"
down_revision = "0007"
upgrade = sql_beside(__file__)
