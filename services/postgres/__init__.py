"""A PostgreSQL server that belongs to the process that starts it, where no database server is given.

It listens on a unix socket in a private directory only, and it stops when its owner does, however that ends.
"""

from services.postgres.binaries import Binaries, find
from services.postgres.problems import CannotStart
from services.postgres.server import Server, launch, running, start

__all__ = ["Binaries", "CannotStart", "Server", "find", "launch", "running", "start"]
