"""Brings the schemas of both services to the newest version, as their owner; settles what kind of database it is."""

import psycopg
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from services.certification import migrations as certification
from services.compliance.read_model import migrations as compliance
from services.compliance.webhooks import migrations as webhooks


class OtherKind(Exception):
    """The database was started with the sandbox and is now to be used without, or the other way round."""


def migrate(owner_url: str, *, sandbox: bool) -> None:
    """All or nothing, and one at a time, however many processes try. Raises `OtherKind`, and `DBAPIError`.

    The first migration decides for ever whether the database is a sandbox.
    """
    engine = owner_engine(owner_url)
    with engine.begin() as connection:
        upgrade(connection)
        settle(connection, sandbox=sandbox)


def settle_kind(owner_url: str, *, sandbox: bool) -> None:
    """Raises `OtherKind` where the database is settled otherwise, and `DBAPIError`, among others before a migration."""
    engine = owner_engine(owner_url)
    with engine.begin() as connection:
        settle(connection, sandbox=sandbox)


def owner_engine(owner_url: str) -> Engine:
    """Connections of the owner, from a URL of any form that libpq reads; none is kept."""
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(owner_url), poolclass=NullPool)


def upgrade(connection: Connection) -> None:
    """Every schema, within the caller's transaction. Certification first: compliance reads its log."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('sagecert migrate'))"))
    certification.upgrade(connection)
    compliance.upgrade(connection)
    webhooks.upgrade(connection)


def settle(connection: Connection, *, sandbox: bool) -> None:
    """Raises `OtherKind` where the database is settled otherwise."""
    settled = connection.execute(text("SELECT certification.settle_sandbox(:wanted)"), {"wanted": sandbox}).scalar_one()
    if settled and not sandbox:
        raise OtherKind("This database belongs to a sandbox: start with --sandbox, or on other data.")
    if sandbox and not settled:
        raise OtherKind("This database never becomes a sandbox: start without --sandbox, or on other data.")
