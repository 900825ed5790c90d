"""An index of the events that each fact led to."""

from services.web.migration_sql import sql_beside

revision = "0011"
down_revision = "0010"
upgrade = sql_beside(__file__)
