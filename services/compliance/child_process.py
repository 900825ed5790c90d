"""Processes of ours, and the messages between one and its parent: bytes, each after its length."""

import asyncio
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from typing import Final

MESSAGE_BYTES_MAX: Final = 256 << 20
_LENGTH_BYTES: Final = 4


class Messages:
    """One end of the socket between a process and its parent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def of(cls, end: socket.socket) -> "Messages":
        """The messages over this socket."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    @property
    def ended(self) -> bool:
        """Whether the other end is known to be gone."""
        return self._reader.at_eof()

    async def read(self) -> bytes:
        """The next message. Raises `EOFError` where none comes any more, and `OSError`."""
        length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
        if length > MESSAGE_BYTES_MAX:
            raise EOFError("a message is longer than any may be")
        return await self._reader.readexactly(length)

    async def write(self, message: bytes) -> None:
        """Sends a message. Raises `OSError`."""
        self._writer.write(len(message).to_bytes(_LENGTH_BYTES, "big") + message)
        await self._writer.drain()

    def close(self) -> None:
        """The other end reads no more."""
        self._writer.close()


class ChildProcess:
    """A process of ours, in a session of its own; `messages`: to and from it."""

    def __init__(self, process: Process, messages: Messages) -> None:
        self._process = process
        self.messages = messages

    @classmethod
    async def start(cls, module: str) -> "ChildProcess":
        """Runs the module with the number of its end of the socket as the argument. Raises `OSError`."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, str(theirs.fileno())),
                stdin=DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        return cls(process, await Messages.of(ours))

    @property
    def alive(self) -> bool:
        """Whether it seems to run: the socket of a dead process is at its end."""
        return self._process.returncode is None and not self.messages.ended

    async def call(self, message: bytes, seconds_max: float) -> bytes:
        """The answer to a message. Raises `TimeoutError`, `OSError` and `EOFError`; the process is unusable then."""
        async with asyncio.timeout(seconds_max):
            await self.messages.write(message)
            return await self.messages.read()

    async def end(self) -> None:
        """Kills it."""
        self.messages.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
