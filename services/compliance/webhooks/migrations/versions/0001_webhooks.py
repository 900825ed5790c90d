"""The webhooks: endpoints with their cursors, secrets, parked messages, attempts."""

from services.web.migration_sql import sql_beside

revision = "0001"
down_revision = None
upgrade = sql_beside(__file__)
