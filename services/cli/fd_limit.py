"""How many files and connections a process may have open at once."""

import resource
from typing import Final

ENOUGH: Final = 10_240
"""As many as macOS grants; a process begins with 256 there, and often with 1,024 on Linux."""


def raise_fd_limit() -> None:
    """Raises our limit as far as it may be raised. Streams and slow receivers of webhooks each hold a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < granted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
