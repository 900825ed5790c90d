"""Looks up names, and refuses those that resolve to forbidden addresses."""

import asyncio
import errno
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from services.compliance.webhooks.transport.addresses import Network, parse, refusal

_Info = tuple[
    socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
]
"""What getaddrinfo says of an address; its last part begins with the address itself."""

LOOKUPS_MAX: Final = 512
"""Names that are looked up at the same time."""


class RefusedAddress(PermissionError):
    """An address to which nothing may be sent; `strerror` says why."""


def check_address(text: str, allowed: Sequence[Network]) -> None:
    """Raises RefusedAddress unless the address, as the operating system writes it, may be connected to."""
    if (why := refusal(parse(text), allowed)) is not None:
        raise RefusedAddress(errno.EACCES, f"the address {parse(text)} {why}; nothing is sent there")


class GuardedResolver(AbstractResolver):
    """Refuses an answer that contains any refused address: mixed answers are a way to get one past the check."""

    def __init__(self, resolver: AbstractResolver, allowed: Sequence[Network]) -> None:
        """`resolver`: does the lookup, and is closed with this one."""
        self._resolver = resolver
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name, all of them good; raises OSError."""
        found = await self._resolver.resolve(host, port, family)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        for address in found:
            check_address(address["host"], self._allowed)
        return found

    async def close(self) -> None:
        """Closes the resolver that it asks."""
        await self._resolver.close()


class ThreadedResolver(AbstractResolver):
    """Asks the operating system, in a thread for each name.

    A name server that does not answer holds its thread for half a minute. The few threads of a pool would soon all
    be held, and every other name would wait for them. The threads are daemons: nobody waits for them at the end.
    """

    def __init__(self) -> None:
        """It belongs to the event loop that first uses it."""
        self._lookups = asyncio.Semaphore(LOOKUPS_MAX)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name; raises OSError."""
        async with self._lookups:
            infos = await _in_a_thread(host, port, family)
        return [
            ResolveResult(hostname=host, host=str(address[0]), port=port, family=of, proto=proto, flags=0)
            for of, _, proto, _, address in infos
        ]

    async def close(self) -> None:
        """Nothing to close."""


def _in_a_thread(host: str, port: int, family: socket.AddressFamily) -> "asyncio.Future[Sequence[_Info]]":
    answer: Future[Sequence[_Info]] = Future()

    def look_up() -> None:
        answer.set_running_or_notify_cancel()
        try:
            infos = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)
        else:
            answer.set_result(infos)

    threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
    return asyncio.wrap_future(answer)
