"""An index of the exam registrations of each person."""

from services.web.migration_sql import sql_beside

revision = "0013"
down_revision = "0012"
upgrade = sql_beside(__file__)
