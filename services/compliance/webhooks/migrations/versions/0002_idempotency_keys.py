"""Registrations: which key stands for which endpoint."""

from services.web.migration_sql import sql_beside

revision = "0002"
down_revision = "0001"
upgrade = sql_beside(__file__)
