"""How processes that can wait let others go first."""

import os
import sys
import time
from pathlib import Path
from typing import Final

_AUTOGROUP: Final = Path("/proc/self/autogroup")
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.11
"""Linux takes one such change in 0.1 seconds, of all processes that are not root's."""


def lower_priority(niceness: int) -> None:
    """Adds so much to the niceness of this process. A session that it has begun gets this niceness.

    Where Linux groups processes by session (`sched_autogroup_enabled`), the niceness of a process counts only within
    its session, and that of the session among the others.
    """
    os.nice(niceness)
    if sys.platform == "linux" and os.getsid(0) == os.getpid():
        _lower_session(niceness)


def _lower_session(niceness: int) -> None:
    """Does nothing where the kernel has no such groups, or does not let them change."""
    for _ in range(_TRIES):
        try:
            _AUTOGROUP.write_text(str(niceness))
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        except OSError:
            return
        else:
            return
