"""Where the claims begin that were judged from more facts than all before them."""

from services.web.migration_sql import sql_beside

revision = "0006"
down_revision = "0005"
upgrade = sql_beside(__file__)
