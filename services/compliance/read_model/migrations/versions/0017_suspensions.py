"""Suspensions, the latest first."""

from services.web.migration_sql import sql_beside

revision = "0017"
down_revision = "0016"
upgrade = sql_beside(__file__)
