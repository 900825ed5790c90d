"""Alembic's environment: the caller hands in the connection and the schema, and owns the transaction."""

from alembic import context
from sqlalchemy import text
from sqlalchemy.schema import CreateSchema

connection = context.config.attributes["connection"]
schema = context.config.attributes["schema"]
connection.execute(CreateSchema(schema, if_not_exists=True))
connection.execute(text("SELECT set_config('search_path', :schema, true)"), {"schema": schema})
context.configure(connection=connection, version_table_schema=schema)
context.run_migrations()
connection.execute(text("RESET search_path"))
