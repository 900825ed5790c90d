"""Connections to receivers: never to a refused address, and with a limit on the bytes of an answer."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler

from services.compliance.webhooks.transport.addresses import Network
from services.compliance.webhooks.transport.resolver import GuardedResolver, check_address

ANSWER_BYTES_MAX: Final = 64 * 1024
"""The limit on everything received for one message: interim answers, headers, framing, body."""

_IDLE_SECONDS_MAX: Final = 4.0
"""For which a connection is kept. Common servers close theirs after five: a message sent just then would be lost."""


class AnswerTooLong(aiohttp.ClientError):
    """The answer exceeded its limit before enough of its body had arrived."""


class Connector(aiohttp.TCPConnector):
    """The address is checked twice.

    The resolver refuses an answer with a bad address in it. The factory of sockets sees every address just before it
    is connected to, those written in the URL too.
    """

    def __init__(self, resolver: AbstractResolver, allowed: Sequence[Network]) -> None:
        """Reads the certificates of the authorities that the system trusts. `allowed`: special networks."""
        self._allowed = allowed
        super().__init__(
            limit=0,  # a slow receiver must not take the place of another
            keepalive_timeout=_IDLE_SECONDS_MAX,
            resolver=GuardedResolver(resolver, allowed),
            socket_factory=self._socket,
            ssl=_tls(),
            ttl_dns_cache=0,  # each connection looks up again; simultaneous lookups share the answer
        )
        loop = asyncio.get_running_loop()
        self._factory = partial(_Answers, loop=loop)  # type: ignore[assignment]  # partial is invariant

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        check_address(str(address[0]), self._allowed)
        return socket.socket(family, kind, protocol)


class _Answers(ResponseHandler):
    """Hangs up on a receiver that says too much.

    The library bounds a header and their number, and not how many interim answers come or how long a chunk's
    extensions are: a receiver that sends them without end would block all others until the deadline.
    """

    _bytes_left = ANSWER_BYTES_MAX

    def set_response_params(self, **params: Any) -> None:
        """Begins with the answer to another message."""
        self._bytes_left = ANSWER_BYTES_MAX
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Passes on the bytes within the limit, so that a body that is complete by then still counts."""
        super().data_received(data[: self._bytes_left])
        self._bytes_left = max(self._bytes_left - len(data), 0)
        if not self._bytes_left and self.transport is not None:
            self.set_exception(AnswerTooLong())
            self.transport.close()


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
