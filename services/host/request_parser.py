"""The parser of requests, for a server that offers no other protocol: a request that asks for one is like any other."""

from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_UPGRADE: Final = b"upgrade"


class RequestParser(httptools.HttpRequestParser):
    """Parses for a protocol. A request with `Upgrade` is parsed a second time, without that header (RFC 9110, 7.8).

    The library takes it for the last request of its connection, and passes its body over. Clients that know HTTP/2 ask
    so with every first request. A CONNECT stays the last: what follows is for somebody else.
    """

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        super().__init__(protocol)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._protocol = protocol

    @property
    def only_asks(self) -> bool:
        """Whether the head that was just read asks for another protocol, and comes again without that."""
        return self.should_upgrade() and self.get_method() != b"CONNECT"

    def feed_data(self, data: Any) -> None:
        """Takes the next bytes. Raises what the library raises; `HttpParserUpgrade` after a CONNECT alone."""
        parser, left = self, memoryview(data)
        while True:
            try:
                httptools.HttpRequestParser.feed_data(parser, left)
            except httptools.HttpParserUpgrade as asked:
                if not parser.only_asks:
                    raise
                head, left = parser._head(), left[asked.args[0] :]
            else:
                return
            self._protocol.parser = parser = RequestParser(self._protocol)
            httptools.HttpRequestParser.feed_data(parser, head)

    def _head(self) -> bytes:
        line = b"%b %b HTTP/%b\r\n" % (self.get_method(), self._protocol.url, self.get_http_version().encode())
        headers = (b"%b: %b\r\n" % header for header in self._protocol.headers if header[0] != _UPGRADE)
        return line + b"".join(headers) + b"\r\n"
