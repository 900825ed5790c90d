"""A PostgreSQL server that belongs to the process that starts it, where no database server is given.

It listens on a unix socket in a private directory only, and it stops when its owner does, however that ends.
"""

from services.host.embedded_postgres.binaries import Binaries, find
from services.host.embedded_postgres.errors import CannotStart
from services.host.embedded_postgres.server import Server, launch, running, start

__all__ = ["Binaries", "CannotStart", "Server", "find", "launch", "running", "start"]
