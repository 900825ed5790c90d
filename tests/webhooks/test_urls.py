"""What an endpoint's URL may look like."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.compliance.webhooks.transport.urls import URL_CHARACTERS_MAX, UnacceptableUrl, check_url

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


def check(url: str) -> str:
    return check_url(url, plain_http=False, networks=[])


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://example.com/hooks?key=1", "https://example.com/hooks?key=1"),
        ("HTTPS://Example.COM", "https://example.com"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://example.com./", "https://example.com./"),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://010.8.8.8/", "https://8.8.8.8/"),
        ("https://134744072/", "https://8.8.8.8/"),
        ("https://0x08.8.8/", "https://8.8.0.8/"),
        ("https://[2606:4700:4700:0::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://hooks_1.example.com/", "https://hooks_1.example.com/"),
        ("https://1.example/", "https://1.example/"),
    ],
)
def test_a_url_is_kept_in_its_normal_form(url: str, normal: str) -> None:
    assert check(url) == normal
    assert check(normal) == normal


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1."),
        *("１２７.0.0.1", "127。0。0。1", "①②⑦.1", "0x7F.1"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]"),
        *("[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "[fd00:ec2::254]", "[fec0::1]"),
        *("10.1.2.3", "169.254.169.254", "2852039166", "0xa9fea9fe", "0", "0.0.0.0", "100.64.0.1", "255.255.255.255"),
    ],
)
def test_an_address_is_read_as_the_operating_system_would_read_it(host: str) -> None:
    with pytest.raises(UnacceptableUrl, match=r"the address .* SAGECERT_COMPLIANCE_WEBHOOK_NETWORKS"):
        check(f"https://{host}/hooks")


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_what_the_operator_allows_is_accepted(host: str) -> None:
    assert check_url(f"https://{host}/", plain_http=False, networks=LOOPBACK).startswith("https://")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://example.com/", "https only"),
        ("ftp://example.com/", "https"),
        ("file:/etc/passwd", "https"),
        ("//example.com/", "https"),
        ("example.com/hooks", "https"),
        ("https:///hooks", "no host"),
        ("https:example.com", "no host"),
        ("", "https"),
        ("https://user@example.com/", "user name"),
        ("https://user:password@example.com/", "user name"),
        ("https://@example.com/", "user name"),
        ("https://:@example.com/", "user name"),
        ("https://example.com@127.0.0.1/", "user name"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com#", "fragment"),
        ("https://example.com:0/", "1 to 65535"),
        ("https://example.com:+80/", "1 to 65535"),
        ("https://example.com:8 0/", "spaces"),
        ("https://example.com:65536/", "not a URL"),
        ("https://example.com:-1/", "not a URL"),
        ("https://example.com:x/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://[fe80::1%25eth0]/", "zone"),
        ("https://[v1.x]/", "brackets"),
        ("https://1.2.3.4.5/", "not an IPv4 address"),
        ("https://256.1.1.1/", "not an IPv4 address"),
        ("https://1.2.3.08/", "not an IPv4 address"),
        ("https://%31%32%37.0.0.1/", "not an IPv4 address"),
        ("https://a..example/", "not a name"),
        ("https://-a.example/", "not a name"),
        (f"https://{'a' * 64}.example/", "not a name"),
        (f"https://{'a.' * 130}example/", "not a name"),
        ("https://exa mple.com/", "spaces"),
        ("https://example.com/\r\nHost: x", "control characters"),
        ("https://example.com\\@127.0.0.1/", "backslashes"),
        ("https://example.com/\x00", "control characters"),
        ("https://example.com/" + "a" * URL_CHARACTERS_MAX, "at most 2048"),
        ("https://example.com/" + "ä" * 400, "percent-encoded"),
    ],
)
def test_what_is_refused_and_why(url: str, says: str) -> None:
    with pytest.raises(UnacceptableUrl, match=says):
        check(url)


def test_plain_http_where_it_is_allowed() -> None:
    assert check_url("http://example.com/", plain_http=True, networks=[]) == "http://example.com/"


@given(st.text(max_size=80) | st.text(max_size=80).map(lambda rest: "https://" + rest))
def test_any_text_is_refused_or_comes_to_a_normal_form(url: str) -> None:
    try:
        normal = check(url)
    except UnacceptableUrl as refused:
        says = str(refused)
        assert says
    else:
        assert normal.startswith("https://")
        assert normal.isascii()
        assert check(normal) == normal
