"""Appends calls that were decided one after the other."""

from services.web.migration_sql import sql_beside

revision = "0005"
down_revision = "0004"
upgrade = sql_beside(__file__)
