"""The process of one what-if: it reports to the process that serves, and ends with it.

python -m services.compliance.what_ifs.process FILE_DESCRIPTOR
"""

import asyncio
import os
import socket
import sys
import traceback
from contextlib import suppress

from services.compliance.parent_process import end_with
from services.compliance.what_ifs.messages import LENGTH_BYTES, NICENESS, Broke, Report, decode_order, encode
from services.compliance.what_ifs.run import run
from services.web.refusal import Refusal


async def _serve(descriptor: int) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=descriptor))
    length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
    order = decode_order(await reader.readexactly(length))
    end_with(order.settings.parent)
    os.nice(NICENESS)
    try:
        async for report in run(order.settings, order.what_if, order.processes):
            await _report(writer, report)
    except Refusal as refusal:
        await _report(writer, Broke(refusal.detail, ""))
    except Exception:
        await _report(writer, Broke("The database does not answer, or a process ended.", traceback.format_exc()))


async def _report(writer: asyncio.StreamWriter, report: Report) -> None:
    message = encode(report)
    writer.write(len(message).to_bytes(LENGTH_BYTES, "big") + message)
    await writer.drain()


def main() -> None:
    """Answers one order."""
    with suppress(asyncio.IncompleteReadError, ConnectionError, KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
