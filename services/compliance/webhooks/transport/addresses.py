"""Which addresses a webhook may be sent to: those of the public internet, and those that the operator allowed.

A URL comes from outside. Without this guard its owner could have the service speak to the network it stands in.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL_4: Final = tuple(
    (IPv4Network(network), what)
    for network, what in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a provider's customers"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.31.196.0/24", "reserved for protocols"),
        ("192.52.193.0/24", "reserved for protocols"),
        ("192.88.99.0/24", "reserved for protocols"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved for protocols"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
"""IANA's registry of special-purpose IPv4 addresses, whole, and multicast."""

_SPECIAL_6: Final = tuple(
    (IPv6Network(network), what)
    for network, what in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "an IPv4 address in disguise"),
        ("::ffff:0:0:0/96", "an IPv4 address in disguise"),
        ("64:ff9b::/96", "an IPv4 address in disguise"),
        ("64:ff9b:1::/48", "an IPv4 address in disguise"),
        ("2001::/32", "an IPv4 address in disguise"),
        ("2001:2::/48", "for benchmarks"),
        ("2001::/23", "reserved for protocols"),
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "an IPv4 address in disguise"),
        ("2620:4f:8000::/48", "reserved for protocols"),
        ("3fff::/20", "for documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),
        ("ff00::/8", "multicast"),
    )
)
"""The same of IPv6, the narrower before the wider, with the ranges that were withdrawn."""

_GLOBAL_6: Final = IPv6Network("2000::/3")
"""Allocated for global use; every other IPv6 address is reserved."""

_IN_THE_LAST_BITS: Final = tuple(
    IPv6Network(network) for network in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
)
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_TEREDO: Final = IPv6Network("2001::/32")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
"""The upper half of an interface identifier whose lower half is an IPv4 address."""


def refusal(address: Address, allowed: Sequence[Network]) -> str | None:
    """Why nothing may be sent to the address, as half a sentence about it; null: it may.

    `allowed`: what the operator allows although it is special. Where an IPv6 address leads to an IPv4 address
    (NAT64, 6to4, Teredo and the like), both are judged. An IPv4 address written as an IPv6 one is that address.
    """
    if isinstance(address, IPv6Address):
        if (mapped := address.ipv4_mapped) is not None:
            return None if _within(address, allowed) else refusal(mapped, allowed)
        for embedded in _embedded(address):
            if (why := refusal(embedded, allowed)) is not None:
                return f"leads to {embedded}, which {why}"
    what = _special(address)
    return None if what is None or _within(address, allowed) else f"is {what}"


def parse(text: str) -> Address:
    """An address as resolvers write it, its zone (`%eth0`) left out; raises ValueError for anything else."""
    return ip_address(text.partition("%")[0])


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _special(address: Address) -> str | None:
    if isinstance(address, IPv4Address):
        return next((what for network, what in _SPECIAL_4 if address in network), None)
    what = next((what for network, what in _SPECIAL_6 if address in network), None)
    return what or (None if address in _GLOBAL_6 else "reserved")


def _embedded(address: IPv6Address) -> list[IPv4Address]:
    bits = int(address)
    if bits <= 1:  # `::` and `::1` are themselves
        return []
    if address in _TEREDO:  # the server, and the client with every bit turned
        return [IPv4Address(bits >> 64 & 0xFFFFFFFF), IPv4Address(~bits & 0xFFFFFFFF)]
    if address in _SIX_TO_FOUR:
        return [IPv4Address(bits >> 80 & 0xFFFFFFFF)]
    if bits >> 32 & 0xFFFFFFFF in _ISATAP or any(address in network for network in _IN_THE_LAST_BITS):
        return [IPv4Address(bits & 0xFFFFFFFF)]
    return []
