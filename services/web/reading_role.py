"""Connections that serve what only reads take on a role that cannot write."""

import logging
from typing import Any, Final

_TAKE: Final = """
    SELECT set_config('role', r.rolname, false) FROM pg_catalog.pg_roles r
    WHERE r.rolname = $1 AND pg_has_role(session_user, r.oid, 'MEMBER')
"""
_missed: Final[set[str]] = set()

_log: Final = logging.getLogger(__name__)


async def take_reading_role(role: str, connection: Any) -> None:
    """Sets the role for the session of this connection; without it the session stays as it is, and the log says so."""
    if await connection.fetchval(_TAKE, role) is None and role not in _missed:
        _missed.add(role)
        _log.warning("what only reads is served by a role that may write: there is no role %s to take on", role)
