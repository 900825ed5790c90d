"""How processes that can wait let others go first."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_AUTOGROUP: Final = Path("/proc/self/autogroup")


def lower_priority(niceness: int) -> None:
    """Adds so much to the niceness of this process. A session that it has begun gets this niceness.

    Where Linux groups processes by session (`sched_autogroup_enabled`), the niceness of a process counts only within
    its session, and that of the session among the others.
    """
    os.nice(niceness)
    if sys.platform == "linux" and os.getsid(0) == os.getpid():
        with suppress(OSError):  # a kernel without such groups, or one that does not let them change
            _AUTOGROUP.write_text(str(niceness))
