"""Runs a program that stops when its parent process is gone, `kill -9` included.

    python -I -S parent_watchdog.py PARENT_PID UID GID SIGNAL PROGRAM ARGUMENT...

UID and GID are -1 to keep the user; the program gets SIGNAL when the parent is gone. On Linux this process becomes the
program, and the kernel sends the signal; elsewhere it stays and watches. Standard library only: it starts without the
project.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1

POLL_SECONDS = 0.2

HANDED_ON = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGQUIT})
"""Signals that ask a program to stop; PostgreSQL reacts to each differently."""


def drop_privileges(uid: int, gid: int) -> None:
    """Becomes the given user for good, where one is given."""
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def become(parent: int, uid: int, gid: int, shutdown_signal: int, command: list[str]) -> None:
    """Becomes the program. A change of user clears the death signal, so it is set afterwards."""
    drop_privileges(uid, gid)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, shutdown_signal)
    if os.getppid() == parent:
        os.execv(command[0], command)


def watch(parent: int, uid: int, gid: int, shutdown_signal: int, command: list[str]) -> int:
    """Runs the program, passes signals on to it, and polls whether the parent still lives.

    A signal that comes before the program runs is kept for it.
    """
    drop_privileges(uid, gid)
    received, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (*HANDED_ON, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    program = subprocess.Popen(command)
    while program.poll() is None:
        if os.getppid() != parent:
            program.send_signal(shutdown_signal)
            return program.wait()
        if select.select([received], [], [], POLL_SECONDS)[0]:
            for number in HANDED_ON.intersection(os.read(received, 64)):
                program.send_signal(number)
    return program.returncode


def main() -> None:
    """Reads the arguments; the variable SAGECERT_WATCHDOG_STAYS lets it watch on Linux too, for its test."""
    parent, uid, gid, shutdown_signal = (int(argument) for argument in sys.argv[1:5])
    if sys.platform == "linux" and "SAGECERT_WATCHDOG_STAYS" not in os.environ:
        become(parent, uid, gid, shutdown_signal, sys.argv[5:])
    else:
        sys.exit(watch(parent, uid, gid, shutdown_signal, sys.argv[5:]))


if __name__ == "__main__":
    main()
