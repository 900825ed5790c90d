"""How processes that can wait let others go first."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROCESSES: Final = Path("/proc")
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
        _lower_session(os.getpid(), niceness)


def lower_database_session(pid: int, launcher: int, niceness: int) -> None:
    """Gives the process of PostgreSQL behind a connection this niceness, and its session, which it has begun.

    `launcher`: the process that started the server of this machine. Does nothing where it did not start that of `pid`,
    which is then on another machine or not ours, and where the system does not allow it.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            if _parent(_parent(pid)) == launcher:
                os.setpriority(os.PRIO_PROCESS, pid, niceness)
                _lower_session(pid, niceness)


def _parent(pid: int) -> int:
    """Raises `OSError` where there is no such process."""
    status = (_PROCESSES / str(pid) / "stat").read_text()
    return int(status.rpartition(")")[2].split()[1])


def _lower_session(pid: int, niceness: int) -> None:
    """Does nothing where the kernel has no such groups, or does not let them change."""
    for _ in range(_TRIES):
        try:
            (_PROCESSES / str(pid) / "autogroup").write_text(str(niceness))
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        except OSError:
            return
        else:
            return
