"""An index of the conversations that facts belong to."""

from services.web.migration_sql import sql_beside

revision = "0011"
down_revision = "0010"
upgrade = sql_beside(__file__)
