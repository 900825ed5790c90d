"""The engine that decides, and an append that refuses what another one decided."""

from services.web.migration_sql import sql_beside

revision = "0009"
down_revision = "0008"
upgrade = sql_beside(__file__)
