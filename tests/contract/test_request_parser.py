"""The parser of requests, given more in one piece than a machine reads from a connection at once."""

from services.host.request_parser import RequestParser


class Counting:
    """A protocol that counts the requests that it gets."""

    def __init__(self) -> None:
        self.parser = RequestParser(self)  # type: ignore[arg-type]  # it calls these methods alone
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.requests: list[tuple[bytes, int]] = []

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        if not self.parser.only_asks:
            self.requests.append((self.url, len(self.headers)))

    def on_message_begin(self) -> None:
        self.headers = []


def test_thousands_of_requests_that_each_ask_for_another_protocol_are_parsed_in_one_piece() -> None:
    requests = 5_000
    asking = (
        b"GET /%d HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" % n for n in range(requests)
    )
    protocol = Counting()
    protocol.parser.feed_data(b"".join(asking))
    assert protocol.requests == [(b"/%d" % number, 2) for number in range(requests)]
