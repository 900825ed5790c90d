"""Whom facts name, found by a part of the id."""

from services.web.migration_sql import sql_beside

revision = "0016"
down_revision = "0015"
upgrade = sql_beside(__file__)
