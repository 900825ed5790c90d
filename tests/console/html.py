"""What a page says."""

import re
from html import unescape

import httpx

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def token(answer: httpx.Response) -> str:
    """The CSRF token of the page's forms."""
    found = _CSRF.search(answer.text)
    assert found, "the page has no form"
    return found[1]


def text(answer: httpx.Response) -> str:
    """The words of the page's content, without marks."""
    _, _, main = answer.text.partition("<main")
    bare = re.sub(r"<[^>]*>", " ", main)
    return " ".join(unescape(bare).split())
