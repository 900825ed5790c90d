"""The process of one what-if: it reports to the process that serves, and ends with it.

python -m services.compliance.what_ifs.process FILE_DESCRIPTOR
"""

import asyncio
import os
import socket
import sys
import traceback
from contextlib import suppress

from services.compliance.child_process import Messages
from services.compliance.parent_process import end_with
from services.compliance.what_ifs.messages import NICENESS, Broke, decode_order, encode
from services.compliance.what_ifs.run import run
from services.web.refusal import Refusal


async def _serve(descriptor: int) -> None:
    messages = await Messages.of(socket.socket(fileno=descriptor))
    order = decode_order(await messages.read())
    end_with(order.settings.parent)
    os.nice(NICENESS)
    try:
        async for report in run(order.settings, order.what_if, order.processes):
            await messages.write(encode(report))
    except Refusal as refusal:
        await messages.write(encode(Broke(refusal.detail, "")))
    except Exception:
        broke = Broke("The database does not answer, or a process ended.", traceback.format_exc())
        await messages.write(encode(broke))


def main() -> None:
    """Answers one order."""
    with suppress(asyncio.IncompleteReadError, ConnectionError, KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
