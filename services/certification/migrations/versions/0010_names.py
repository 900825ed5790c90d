"""Names of partners and consultants, and how they are found."""

from services.web.migration_sql import sql_beside

revision = "0010"
down_revision = "0009"
upgrade = sql_beside(__file__)
