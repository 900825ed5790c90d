"""Which addresses webhooks may be sent to, held against IANA's registries of special-purpose addresses."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.compliance.webhooks.transport.addresses import Address, Network, refusal

SPECIAL_4: Final = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "0.0.0.0/32",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.0.0/29",
        "192.0.0.8/32",
        "192.0.0.9/32",
        "192.0.0.10/32",
        "192.0.0.170/32",
        "192.0.0.171/32",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "255.255.255.255/32",
    )
]
"""https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast (RFC 5771)."""

SPECIAL_6: Final = [
    IPv6Network(network)
    for network in (
        "::1/128",
        "::/128",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "100:0:0:1::/64",
        "2001::/23",
        "2001::/32",
        "2001:1::1/128",
        "2001:1::2/128",
        "2001:1::3/128",
        "2001:2::/48",
        "2001:3::/32",
        "2001:4:112::/48",
        "2001:10::/28",
        "2001:20::/28",
        "2001:30::/28",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "::/96",
        "ff00::/8",
    )
]
"""https://www.iana.org/assignments/iana-ipv6-special-registry, multicast, and the withdrawn ranges.

Mapped addresses are left out: they are the IPv4 addresses that they stand for.
"""

PUBLIC: Final = [
    *("1.1.1.1", "8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "192.0.1.1", "223.255.255.255"),
    *("2606:4700:4700::1111", "2a00:1450:4001:82b::200e", "2001:200::1", "3ffe::1"),
]

ipv4 = st.integers(0, 2**32 - 1).map(IPv4Address)
ipv6 = st.integers(0, 2**128 - 1).map(IPv6Address) | st.integers(2**125, 2**126 - 1).map(IPv6Address)


def within(network: Network) -> st.SearchStrategy[Address]:
    """Addresses of a network, its edges among them."""
    first, last = int(network.network_address), int(network.broadcast_address)
    of = IPv4Address if network.version == 4 else IPv6Address
    return (st.sampled_from([first, last]) | st.integers(first, last)).map(of)


NETWORKS: Final[list[Network]] = [*SPECIAL_4, *SPECIAL_6]

special_4: Final = st.sampled_from(SPECIAL_4).flatmap(within)
special: Final = st.sampled_from(NETWORKS).flatmap(within)


def listed(address: Address) -> bool:
    """Whether a registry names the address."""
    networks = SPECIAL_4 if address.version == 4 else SPECIAL_6
    return any(address in network for network in networks)


def disguises(address: IPv4Address) -> list[tuple[IPv6Address, IPv6Network]]:
    """The IPv6 addresses that lead to an IPv4 address, each with the range of its kind."""
    bits = int(address)
    return [
        (IPv6Address((0x64FF9B << 96) | bits), IPv6Network("64:ff9b::/96")),
        (IPv6Address((0x64FF9B0001 << 80) | bits), IPv6Network("64:ff9b:1::/48")),
        (IPv6Address((0x2002 << 112) | (bits << 80) | 1), IPv6Network("2002::/16")),
        (IPv6Address((0x20010000 << 96) | (bits << 64) | (~0x08080808 & 0xFFFFFFFF)), IPv6Network("2001::/32")),
        (IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (~bits & 0xFFFFFFFF)), IPv6Network("2001::/32")),
        (IPv6Address((0x2A000000 << 96) | (0x5EFE << 32) | bits), IPv6Network("2a00::/32")),
        (IPv6Address((0x2A000000 << 96) | (0x02005EFE << 32) | bits), IPv6Network("2a00::/32")),
    ]


@given(special)
def test_whatever_the_registries_name_is_refused(address: Address) -> None:
    assert refusal(address, []) is not None


@given(ipv4)
def test_every_other_ipv4_address_is_public(address: IPv4Address) -> None:
    assert (refusal(address, []) is None) == (not listed(address))


@given(st.sampled_from(NETWORKS))
def test_the_next_address_outside_a_range_is_judged_by_itself(network: Network) -> None:
    greatest = 2 ** (32 if network.version == 4 else 128) - 1
    of = IPv4Address if network.version == 4 else IPv6Address
    for bits in (int(network.network_address) - 1, int(network.broadcast_address) + 1):
        if 0 <= bits <= greatest:
            address = of(bits)
            public = not listed(address) and (address.version == 4 or address in IPv6Network("2000::/3"))
            assert (refusal(address, []) is None) == public


@given(ipv6)
def test_ipv6_outside_what_is_given_out_is_refused(address: IPv6Address) -> None:
    if address not in IPv6Network("2000::/3"):
        assert refusal(address, []) is not None


@given(ipv4 | ipv6)
def test_never_more_lenient_than_the_standard_library(address: Address) -> None:
    """Whose `is_global` lets NAT64, 6to4 and compatible addresses through, so the converse does not hold."""
    if not address.is_global or address.is_multicast:
        assert refusal(address, []) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not_refused(address: str) -> None:
    assert refusal(ip_address(address), []) is None


@given(ipv4 | special_4)
def test_a_mapped_address_is_the_address(address: Address) -> None:
    """::ffff:10.0.0.1 is 10.0.0.1, whichever of the two is allowed."""
    mapped = IPv6Address(f"::ffff:{address}")
    assert refusal(mapped, []) == refusal(address, [])
    assert refusal(mapped, [ip_network(address)]) is None
    assert refusal(mapped, [ip_network(mapped)]) is None


@given(ipv4)
def test_an_address_that_leads_to_another_is_judged_as_both(address: IPv4Address) -> None:
    """A translator that the operator allows still leads to no private address."""
    for disguised, network in disguises(address):
        assert (refusal(disguised, [network]) is None) == (refusal(address, []) is None)
        if refusal(IPv6Address(int(disguised) & ~0xFFFFFFFF | 0x08080808), []) is not None:
            assert refusal(disguised, []) is not None
        assert refusal(disguised, [network, IPv4Network("0.0.0.0/0")]) is None


@given(special, st.sampled_from(NETWORKS))
def test_what_is_allowed_is_allowed_and_nothing_else(address: Address, network: Network) -> None:
    everything: list[Network] = [IPv4Network("0.0.0.0/0"), IPv6Network("::/0")]
    assert refusal(address, everything) is None
    if address.version == 4:
        assert (refusal(address, [network]) is None) == (network.version == 4 and address in network)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("10.0.0.1", "is private"),
        ("169.254.169.254", "is link-local"),
        ("::1", "is loopback"),
        ("::ffff:127.0.0.1", "is loopback"),
        ("64:ff9b::a9fe:a9fe", "leads to 169.254.169.254, which is link-local"),
        ("2002:a9fe:a9fe::1", "leads to 169.254.169.254, which is link-local"),
        ("::127.0.0.1", "leads to 127.0.0.1, which is loopback"),
        ("fec0::1", "is private"),
        ("4000::1", "is reserved"),
    ],
)
def test_the_refusal_says_what_the_address_is(address: str, sentence: str) -> None:
    assert refusal(ip_address(address), []) == sentence
