"""The names by which a system that asks for no key may be called.

A web page of anybody, open in a browser on this machine, can give its own name the address 127.0.0.1 and then read what
a server on loopback answers (DNS rebinding). Its calls carry that name as Host, and it has a dot: the public DNS gives
no address to a name of one label. The calls of another page's form carry the page's origin. A call with a key needs no
such check: no foreign page has the key.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from services.web.problem_details import TYPE_PREFIX, Problem

HOST_NOT_LOCAL: Final = Problem(
    TYPE_PREFIX + "host-not-local",
    "This system is not called by that name",
    421,
    "Without a key, this system is called by an IP address, by a name without a dot such as localhost, or by a name of "
    "the setting SAGECERT_PUBLIC_NAMES: another name can be that of a web page elsewhere. Call it by one of these, or "
    "issue a key.",
)
ORIGIN_NOT_LOCAL: Final = Problem(
    TYPE_PREFIX + "host-not-local",
    "A page of another origin sends this",
    421,
    "Without a key, this system takes nothing that a browser sends for a page of another origin. Issue a key, or name "
    "the page's host in the setting SAGECERT_PUBLIC_NAMES.",
)
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""A browser keeps their answers from pages of other origins."""


class LocalNames:
    """Hosts that can be no page elsewhere, and `public`: names that its owner gave the system, in any case."""

    def __init__(self, public: Iterable[str] = ()) -> None:
        self._public = frozenset(name.lower() for name in public)

    def problem(self, method: str, headers: Mapping[bytes, bytes]) -> Problem | None:
        """Why a call without a key is refused; None: it may be answered. `headers`: in lower case, each once.

        No browser leaves the Host out.
        """
        host = headers.get(b"host")
        if host is not None and not self._is_no_page_elsewhere(_name(b"//" + host)):
            return HOST_NOT_LOCAL
        origin = headers.get(b"origin")
        if origin is None or method in _READS:
            return None
        name = _name(origin)
        return None if name in self._public or _is_loopback(name) or _is_of(origin, host) else ORIGIN_NOT_LOCAL

    def _is_no_page_elsewhere(self, name: str) -> bool:
        return name in self._public or (name != "" and "." not in name) or _address(name) is not None


def _name(url: bytes) -> str:
    """The host of a URL, in lower case; empty if it has none."""
    try:
        return (urlsplit(url.decode("latin-1")).hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _is_of(origin: bytes, host: bytes | None) -> bool:
    """Whether the page comes from here: its origin is the host that is called."""
    return host is not None and origin.lower() in (b"http://" + host.lower(), b"https://" + host.lower())


def _is_loopback(name: str) -> bool:
    address = _address(name)
    return name == "localhost" or (address is not None and address.is_loopback)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
