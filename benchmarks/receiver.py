"""A receiver of webhooks that costs as little as one can, in a process of its own."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Final

import uvloop

from services import serving

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "
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
    with serving.listen("127.0.0.1", 0) as listening:
        process = get_context("fork").Process(target=_receive, args=(listening,), daemon=True)
        process.start()
        yield serving.origin(listening) + "/hook"
        process.kill()
        process.join()


def _receive(listening: socket.socket) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Receiver, sock=listening)
        await server.serve_forever()

    uvloop.run(run())
