"""Connections take on a role that may do less than their login."""

import logging
from typing import Any, Final

_TAKE: Final = """
    SELECT set_config('role', r.rolname, false) FROM pg_catalog.pg_roles r
    WHERE r.rolname = $1 AND pg_has_role(session_user, r.oid, 'MEMBER')
"""
_missed: Final[set[str]] = set()

_log: Final = logging.getLogger(__name__)


async def take_role(role: str, connection: Any) -> bool:
    """Sets the role for the session of this connection; False: the login may not, or there is no such role."""
    return await connection.fetchval(_TAKE, role) is not None


async def take_reading_role(role: str, connection: Any) -> None:
    """The same for what only reads; without the role the session stays as it is, and the log says so once."""
    if not await take_role(role, connection) and role not in _missed:
        _missed.add(role)
        _log.warning("read-only requests are served by a role that may write: the role %s does not exist", role)
