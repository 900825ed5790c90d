"""A TCP proxy that loses replies: the request arrives, and the connection breaks before the answer gets through."""

import asyncio
import threading
from contextlib import suppress


class LossyProxy:
    """Stands before a server, in a thread of its own."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.lost = 0
        self.losing = False
        """Whether every reply is lost from now on."""

    def start(self) -> None:
        """Listens."""
        threading.Thread(target=self._run, daemon=True).start()
        self._ready.wait()

    def stop(self) -> None:
        """Ends."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        while self._open:  # noqa: ASYNC110  # each connection takes itself out
            await asyncio.sleep(0.01)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            writer.close()
            return
        self._open |= {writer, upstream_writer}
        there = asyncio.create_task(self._copy(reader, upstream_writer, replies=False))
        await self._copy(upstream_reader, writer, replies=True)
        writer.transport.abort()
        upstream_writer.transport.abort()
        await there
        self._open -= {writer, upstream_writer}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, replies: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if replies and self.losing:
                    self.lost += 1
                    return
                writer.write(data)
                await writer.drain()
        writer.close()
