"""Receivers of webhooks, each in a process of its own: one that costs as little as one can, and the guide's."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import uvloop

from services.host.listening_socket import listen, origin
from tests.temporary_directory import temporary_directory

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "
_GUIDE: Final = Path(__file__).parents[1] / "docs" / "integrator-guide.md"
_PROGRAM: Final = re.compile(r"## Receiving webhooks\n.*?^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class _Receiver(asyncio.Protocol):
    """Answers 200 once a request is whole."""

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]  # what servers get
        self._transport = transport
        self._unread = b""

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(_HEAD_END)) >= 0:
            head = self._unread[:end].lower()
            start = head.index(_LENGTH) + len(_LENGTH)
            length = int(head[start:].split(b"\r", 1)[0])
            whole = end + len(_HEAD_END) + length
            if len(self._unread) < whole:
                return
            self._unread = self._unread[whole:]
            self._transport.write(_OK)


@contextmanager
def receiving() -> Iterator[str]:
    """The URL of a receiver that runs for as long as the context lasts."""
    with listen("127.0.0.1", 0) as listening:
        process = get_context("spawn").Process(target=_receive, args=(listening,), daemon=True)
        process.start()
        yield origin(listening) + "/hook"
        process.kill()
        process.join()


def _receive(listening: socket.socket) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Receiver, sock=listening)
        await server.serve_forever()

    uvloop.run(run())


@contextmanager
def receiving_as_in_the_guide(secret_text: str) -> Iterator[str]:
    """The URL of the receiver that the integrator guide shows, which verifies, stores and then answers."""
    program = _PROGRAM.search(_GUIDE.read_text(encoding="utf-8"))
    assert program is not None, "the guide shows no receiver"
    with temporary_directory("sagecert-bench-") as directory, listen("127.0.0.1", 0) as listening:
        (directory / "receiver.py").write_text(program[1], encoding="utf-8")
        descriptor = str(listening.fileno())
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "receiver:app", "--log-level", "error", "--fd", descriptor],
            cwd=directory,
            env={**os.environ, "WEBHOOK_SECRET": secret_text},
            pass_fds=[listening.fileno()],
        )
        try:
            yield origin(listening) + "/hooks"
        finally:
            process.kill()
            process.wait()
