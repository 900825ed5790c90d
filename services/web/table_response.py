"""Sends a table part by part: for as long as its caller takes it, and no longer."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from tempfile import TemporaryFile
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Send
from starlette.types import Scope as AsgiScope

from services.web.csv_table import CONTENT_TYPE

SEND_SECONDS_MAX: Final = 30.0
"""How long a caller may take for a part of a table."""
TABLE_SECONDS_MAX: Final = 900.0
READ_SECONDS_MAX: Final = 300.0
"""How long the rows of a table may be read that are kept for the caller."""
KEPT_BYTES_MAX: Final = 1 << 30
_SENT_BYTES: Final = 1 << 16


class TableEndsEarly(Exception):
    """The rest of a table cannot be had: its connection is closed, so that the caller does not take it for whole."""


class TableResponse(StreamingResponse):
    """Ends when the caller is gone or takes nothing for too long, and gives its place back."""

    def __init__(
        self,
        parts: AsyncGenerator[bytes],
        release: Callable[[], Awaitable[None]],
        name: str,
        headers: Mapping[str, str],
    ) -> None:
        """`name`: of the file that a browser keeps. `headers`: more of them."""
        named = {
            "Content-Type": CONTENT_TYPE,
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Vary": "Accept",
        }
        super().__init__(parts, headers=named | dict(headers))
        self._parts = parts
        self._release = release

    async def __call__(self, _scope: AsgiScope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await send(message)

        writing = asyncio.ensure_future(self.stream_response(sending))
        hanging_up = asyncio.ensure_future(_hang_up(receive))
        try:
            async with asyncio.timeout(TABLE_SECONDS_MAX):
                await asyncio.wait((writing, hanging_up), return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
        except asyncio.CancelledError:  # its key was revoked, or the server stops
            raise TableEndsEarly("The call was ended before the table.") from None
        finally:
            writing.cancel()
            hanging_up.cancel()
            await asyncio.gather(writing, hanging_up, return_exceptions=True)
            await self._parts.aclose()
            await self._release()


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def kept(parts: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The parts, which are read as fast as they can be had and kept in a file, however slowly the caller takes them.

    Raises `TableEndsEarly` where reading takes longer than `READ_SECONDS_MAX`, or there are more than `KEPT_BYTES_MAX`.
    """
    with TemporaryFile(buffering=0) as file:
        more = asyncio.Event()
        reading = asyncio.create_task(_keep(parts, file.write, more))
        sent = 0
        try:
            while True:
                more.clear()
                file.seek(sent)
                part = file.read(_SENT_BYTES)
                file.seek(0, 2)
                if part:
                    sent += len(part)
                    yield part
                elif reading.done():
                    reading.result()
                    return
                else:
                    await more.wait()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _keep(parts: AsyncGenerator[bytes], write: Callable[[bytes], object], more: asyncio.Event) -> None:
    size = 0
    try:
        async with asyncio.timeout(READ_SECONDS_MAX), aclosing(parts):
            async for part in parts:
                size += len(part)
                if size > KEPT_BYTES_MAX:
                    raise TableEndsEarly(f"The table has more than {KEPT_BYTES_MAX} bytes.")
                write(part)
                more.set()
    except TimeoutError:
        raise TableEndsEarly(f"The table takes longer than {READ_SECONDS_MAX:g} seconds.") from None
    finally:
        more.set()
