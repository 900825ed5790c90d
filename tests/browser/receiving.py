"""A receiver of webhooks beside the browser, in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.webhooks.receiver import Answer, Receiver, reply

FULL: Final = reply(500, b'{"error": "disk full"}')
WELL: Final = reply(204)


@contextmanager
def receiving(answer: Answer = FULL) -> Iterator[Receiver]:
    """A receiver that answers everything so; `answer` of what is yielded can be changed at any time."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    receiver = asyncio.run_coroutine_threadsafe(Receiver(answer).__aenter__(), loop).result()
    try:
        yield receiver
    finally:
        asyncio.run_coroutine_threadsafe(receiver.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
