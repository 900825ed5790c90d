"""Events of one type, in order."""

from services.web.migration_sql import sql_beside

revision = "0019"
down_revision = "0018"
upgrade = sql_beside(__file__)
