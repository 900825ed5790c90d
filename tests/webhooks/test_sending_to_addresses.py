"""Where nothing is sent: names and addresses that lead inside, and receivers that cannot show who they are."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, cast

import pytest
import trustme
from aiohttp.abc import ResolveResult

from services.compliance.webhooks.outcome import Outcome
from services.compliance.webhooks.transport.addresses import Network
from services.compliance.webhooks.transport.http_post import Sender
from tests.webhooks.name_servers import Names
from tests.webhooks.receiver import ELSEWHERE, Receiver, reply, silence

LOOPBACK: Final[list[Network]] = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
LONG_AGO: Final = datetime(2001, 1, 1, tzinfo=UTC)


def sender(
    networks: Sequence[Network] = LOOPBACK, resolver: Names | None = None, *, deadline_seconds: float = 30.0
) -> Sender:
    """Whoever sends; plain http will do."""
    return Sender(
        networks=networks,
        plain_http=True,
        clock=lambda: LONG_AGO,
        resolver=resolver,
        deadline_seconds=deadline_seconds,
    )


async def post(sender: Sender, url: str) -> Outcome:
    """Sends some message."""
    return await sender.post(url, {}, b"{}", "application/json")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0177.0.0.1", "0x7f000001", "2130706433", "0.0.0.0", "localhost"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
    ],
)
async def test_nothing_is_connected_to_where_the_operator_allowed_nothing(host: str) -> None:
    async with Receiver() as receiver, sender([]) as sending:
        outcome = await post(sending, receiver.url(host=host))
    assert (outcome.status, outcome.delivered) == (None, False)
    assert outcome.error is not None
    assert outcome.error.startswith("the address ")
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["::"],
        ["::ffff:127.0.0.1"],
        ["::ffff:7f00:1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["fe80::1%lo"],
        [ELSEWHERE, "127.0.0.1"],
        [ELSEWHERE, "169.254.169.254"],
        [ELSEWHERE, "fd00:ec2::254"],
    ],
)
async def test_an_answer_in_which_any_address_is_refused_is_refused_whole(answer: list[str]) -> None:
    """`ELSEWHERE` stands for an address of the internet, which no test speaks to."""
    names = Names({"hooks.example": [answer]})
    async with (
        Receiver() as inside,
        Receiver(host=ELSEWHERE) as outside,
        sender([ip_network(ELSEWHERE)], names) as sending,
    ):
        for receiver in (inside, outside):
            outcome = await post(sending, receiver.url(host="hooks.example"))
            assert outcome.error is not None
            assert outcome.error.startswith("the address ")
            assert receiver.connections == 0


async def test_a_name_that_leads_elsewhere_the_second_time_is_refused_the_second_time() -> None:
    names = Names({"hooks.example": [[ELSEWHERE], ["127.0.0.1"]]})
    async with Receiver(reply(200, connection="close"), host=ELSEWHERE) as outside, Receiver() as inside:
        inside_url = inside.url(host="hooks.example")
        async with sender([ip_network(ELSEWHERE)], names) as sending:
            assert (await post(sending, outside.url(host="hooks.example"))).delivered
            outcome = await post(sending, inside_url)
            again = await post(sending, outside.url(host="hooks.example"))
    assert outcome.error == again.error == "the address 127.0.0.1 is loopback; nothing is sent there"
    assert (outside.connections, inside.connections) == (1, 0)


async def test_what_is_checked_is_what_is_connected_to() -> None:
    """The name is asked once for a connection: between check and connect there is no other answer."""
    names = Names({"hooks.example": [[ELSEWHERE], ["127.0.0.1"]]})
    async with (
        Receiver(host=ELSEWHERE) as outside,
        sender([ip_network(ELSEWHERE)], names) as sending,
    ):
        assert (await post(sending, outside.url(host="hooks.example"))).delivered
        assert (await post(sending, outside.url(host="hooks.example"))).delivered
    assert names.asked == ["hooks.example"]
    assert outside.requests[0].headers["host"] == f"hooks.example:{outside.port}"


class Turncoat(Names):
    """What it says is one thing when it is checked and another when it is used."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """An address that changes after it was read once."""
        addresses = iter([ELSEWHERE, "127.0.0.1"])

        class Turning(dict[str, Any]):
            def __getitem__(self, key: str) -> Any:
                return next(addresses) if key == "host" else super().__getitem__(key)

        return [cast(ResolveResult, Turning(result)) for result in await super().resolve(host, port, family)]


async def test_the_address_is_checked_where_it_is_connected_to_and_not_only_where_it_is_looked_up() -> None:
    names = Turncoat({"hooks.example": [[ELSEWHERE]]})
    async with Receiver() as inside, sender([ip_network(ELSEWHERE)], names) as sending:
        outcome = await post(sending, inside.url(host="hooks.example"))
    assert outcome.error == "the address 127.0.0.1 is loopback; nothing is sent there"
    assert inside.connections == 0


async def test_if_one_address_of_a_name_is_down_the_next_is_tried() -> None:
    names = Names({"hooks.example": [["::1", "127.0.0.1"]]})
    async with Receiver() as receiver, sender(resolver=names) as sending:
        assert (await post(sending, receiver.url(host="hooks.example"))).delivered


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://nobody.example/", "the name does not resolve"),
        ("http://nowhere.example/", "the name does not resolve"),
        ("http://silent.example/", "no answer within 0.3 s"),
        ("http://127.0.0.1:1/", "the connection was refused"),
        (
            "http://user@hooks.example/",
            "a URL with a user name or password is not accepted; messages are signed instead",
        ),
        ("http://1.2.3.4.5/", "1.2.3.4.5 is not an IPv4 address"),
        ("ftp://hooks.example/", "give an https URL"),
    ],
)
async def test_where_nobody_can_be_reached_the_outcome_says_why(url: str, error: str) -> None:
    names = Names({"nowhere.example": [[]]}, hang=frozenset({"silent.example"}))
    async with sender(resolver=names, deadline_seconds=0.3 if "silent" in url else 30) as sending:
        outcome = await post(sending, url)
    assert (outcome.status, outcome.error, outcome.delivered) == (None, error, False)


async def test_a_name_in_another_script_is_looked_up_as_its_a_label() -> None:
    names = Names({"xn--bcher-kva.example": [["127.0.0.1"]]})
    async with Receiver() as receiver, sender(resolver=names) as sending:
        assert (await post(sending, receiver.url(host="bücher.example"))).delivered
    assert receiver.requests[0].headers["host"] == f"xn--bcher-kva.example:{receiver.port}"


async def test_plain_http_is_refused_where_it_is_not_allowed() -> None:
    async with (
        Receiver() as receiver,
        Sender(networks=LOOPBACK, plain_http=False, clock=lambda: LONG_AGO) as sending,
    ):
        outcome = await post(sending, receiver.url())
    assert outcome.error == "webhooks are sent over https only; give an https URL"
    assert receiver.connections == 0


class Authority:
    """A certificate authority that the system trusts, and another that nobody trusts."""

    def __init__(self, directory: Path) -> None:
        self.trusted, self.unknown = trustme.CA(), trustme.CA()
        self.file = directory / "trusted.pem"
        self.trusted.cert_pem.write_to_path(self.file)
        self._self_signed = directory / "self-signed.pem"
        self.unknown.private_key_pem.write_to_path(self._self_signed)
        self.unknown.cert_pem.write_to_path(self._self_signed, append=True)

    def context(self, kind: str) -> ssl.SSLContext:
        """What a receiver shows for itself."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        match kind:
            case "good":
                self.trusted.issue_cert("hooks.example").configure_cert(context)
            case "an address":
                self.trusted.issue_cert("127.0.0.1").configure_cert(context)
            case "expired":
                certificate = self.trusted.issue_cert(
                    "hooks.example", not_before=LONG_AGO, not_after=LONG_AGO.replace(year=2002)
                )
                certificate.configure_cert(context)
            case "of another host":
                self.trusted.issue_cert("other.example").configure_cert(context)
            case "of an unknown authority":
                self.unknown.issue_cert("hooks.example").configure_cert(context)
            case "self-signed":
                context.load_cert_chain(self._self_signed)
        return context


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """As `SSL_CERT_FILE` names it."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("good", None),
        ("expired", "the certificate has expired"),
        ("self-signed", "the certificate is self-signed"),
        ("of an unknown authority", "the certificate was not issued by an authority that is trusted here"),
        ("of another host", "the certificate is not for this host"),
    ],
)
async def test_a_receiver_shows_who_it_is(authority: Authority, kind: str, error: str | None) -> None:
    names = Names({"hooks.example": [["127.0.0.1"]]})
    async with Receiver(tls=authority.context(kind)) as receiver, sender(resolver=names) as sending:
        outcome = await post(sending, receiver.url(host="hooks.example"))
    assert (outcome.error, outcome.delivered) == (error, error is None)
    assert len(receiver.requests) == (1 if error is None else 0)


async def test_a_certificate_for_an_address_will_do_for_the_address(authority: Authority) -> None:
    async with Receiver(tls=authority.context("an address")) as receiver, sender() as sending:
        assert (await post(sending, receiver.url())).delivered
    async with Receiver(tls=authority.context("an address"), host=ELSEWHERE) as receiver, sender() as sending:
        assert (await post(sending, receiver.url())).error == "the certificate is not for this host"


async def test_a_receiver_that_speaks_no_tls_is_told_so(authority: Authority) -> None:
    async def plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

    async with await asyncio.start_server(plainly, "127.0.0.1") as server, sender() as sending:
        outcome = await post(sending, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert outcome.error is not None
    assert outcome.error.startswith("no TLS connection: ")


async def test_a_handshake_that_does_not_end_ends_at_the_deadline() -> None:
    async with Receiver(silence) as receiver, sender(deadline_seconds=0.3) as sending:
        outcome = await post(sending, receiver.url().replace("http:", "https:"))
    assert outcome.error == "no answer within 0.3 s"
