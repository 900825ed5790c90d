"""The limit on open files and connections of a process."""

import resource
from typing import Final

ENOUGH: Final = 10_240
"""As many as macOS grants; a process begins with 256 there, and often with 1,024 on Linux."""


def raise_fd_limit() -> None:
    """Raises the limit as far as allowed. Streams and slow webhook receivers each hold a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < granted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (granted, hard))
