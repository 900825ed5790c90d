"""Validates the form of an endpoint's URL. The address behind its name is checked at each request."""

import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from yarl import URL

from services.compliance.webhooks.transport.addresses import Network, refusal

URL_CHARACTERS_MAX: Final = 2048

_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_NAME: Final = re.compile(
    r"(?=.{1,254}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?"
)
_ENDS_AS_A_NUMBER: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$")
_PORT: Final = re.compile(r"(?:.*\]|[^:]*)(?::[0-9]*)?")
_NOT_IN_BRACKETS: Final = "what stands in the brackets is not an IPv6 address"


class UnacceptableUrl(ValueError):
    """A URL to which no webhook is sent; the text tells its owner why, and the remedy."""


def check_url(url: str, *, plain_http: bool, networks: Sequence[Network]) -> str:
    """The URL in its normal form: names in lower case and as A-labels, IPv4 addresses in four decimal numbers.

    `plain_http`: whether `http:` will do. `networks`: special networks that are allowed. An address in the URL
    is judged as the operating system would read it, octal, hexadecimal and short forms too. Raises
    UnacceptableUrl.
    """
    if len(url) > URL_CHARACTERS_MAX:
        raise UnacceptableUrl(f"a URL has at most {URL_CHARACTERS_MAX} characters")
    if _UNPRINTABLE.search(url):
        raise UnacceptableUrl("a URL has no spaces, control characters or backslashes; percent-encode them")
    try:
        parsed = URL(url)
    except ValueError:
        raise UnacceptableUrl("this is not a URL; give one such as https://example.com/hooks") from None
    _check_parts(url, parsed, plain_http=plain_http)
    normal = str(parsed.with_host(_host(parsed.raw_host or "", networks)))
    if len(normal) > URL_CHARACTERS_MAX:
        raise UnacceptableUrl(f"percent-encoded, the URL has more than {URL_CHARACTERS_MAX} characters")
    return normal


def _check_parts(text: str, url: URL, *, plain_http: bool) -> None:
    if url.scheme == "http" and not plain_http:
        raise UnacceptableUrl("webhooks are sent over https only; give an https URL")
    if url.scheme not in {"https", "http"}:
        raise UnacceptableUrl("give an https URL")
    authority = text.partition("://")[2].partition("/")[0].partition("?")[0]
    if not url.raw_host:
        raise UnacceptableUrl("the URL names no host")
    if "@" in authority:
        raise UnacceptableUrl("a URL with a user name or password is not accepted; messages are signed instead")
    if "#" in text:
        raise UnacceptableUrl("a fragment (#…) is never sent; leave it out")
    if "[" in authority and ":" not in url.raw_host:
        raise UnacceptableUrl(_NOT_IN_BRACKETS)
    if url.explicit_port == 0 or not _PORT.fullmatch(authority):
        raise UnacceptableUrl("the port is a number from 1 to 65535")


def _host(host: str, networks: Sequence[Network]) -> str:
    if ":" in host:
        try:
            address: IPv4Address | IPv6Address = IPv6Address(host)
        except ValueError:
            raise UnacceptableUrl(_NOT_IN_BRACKETS) from None
        if "%" in host:
            raise UnacceptableUrl("an address with a zone (%…) is not accepted")
    elif _ENDS_AS_A_NUMBER.search(host):
        try:
            address = IPv4Address(socket.inet_aton(host.removesuffix(".")))
        except OSError:
            raise UnacceptableUrl(f"{host} is not an IPv4 address") from None
    elif _NAME.fullmatch(host):
        return host
    else:
        raise UnacceptableUrl("the host is not a name that can be looked up")
    if (why := refusal(address, networks)) is not None:
        raise UnacceptableUrl(
            f"the address {address} {why}; the operator of this system can allow its network "
            "with SAGECERT_COMPLIANCE_WEBHOOK_NETWORKS"
        )
    return str(address)
