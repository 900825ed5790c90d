"""The policy can be revised: windows name the one that set their days, and the revisions are kept."""

from services.web.migration_sql import sql_beside

revision = "0008"
down_revision = "0007"
upgrade = sql_beside(__file__)
