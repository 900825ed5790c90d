"""Alembic's environment: the caller hands in the connection and owns the transaction."""

from alembic import context
from sqlalchemy import text

from services.audit.migrations import SCHEMA

connection = context.config.attributes["connection"]
connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
context.configure(connection=connection, version_table_schema=SCHEMA)
context.run_migrations()
