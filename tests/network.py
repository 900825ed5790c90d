"""Cuts the tests off from every network: webhook URLs are made up here, and no packet may leave the machine."""

import ctypes
import fcntl
import os
import shutil
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

OUTER: Final = "PYTEST_OUTER_NETWORK"
"""The variable that says where the network is that the tests left: for a program that has to reach a registry."""

_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_UP: Final = 0x1


def is_separate() -> bool:
    """Whether this process sees no network but loopback."""
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def separate() -> str | None:
    """Gives this process, and those that it starts, a network that has nothing but loopback. Why not; None: it has.

    Linux only. An account that is not root needs user namespaces, and a process of one thread.
    """
    if is_separate():
        return None
    if not hasattr(os, "sched_getaffinity"):
        return "only Linux has network namespaces"
    outer = os.open("/proc/self/ns/net", os.O_RDONLY)
    uid, gid = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNET if uid == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        os.close(outer)
        return f"no network namespace can be made: {os.strerror(ctypes.get_errno())}"
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _bring_loopback_up()
    os.environ[OUTER] = f"/proc/{os.getpid()}/fd/{outer}"
    return None


def outside(command: Sequence[str]) -> list[str]:
    """The command, run in the network that the tests left, if they left one and it can be entered again."""
    outer, nsenter = os.environ.get(OUTER), shutil.which("nsenter")
    if outer is None or nsenter is None or os.geteuid() != 0:
        return list(command)
    return [nsenter, f"--net={outer}", *command]


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control, suppress(OSError):
        request = struct.pack("16sh", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _UP))
