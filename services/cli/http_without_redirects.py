"""Calls to one system with the standard library: an answer that leads elsewhere is not followed."""

import urllib.request
from http.client import HTTPResponse
from typing import Any, Final
from urllib.parse import urlsplit

import click

PASSING: Final = (408, 425, 429, 500, 502, 503, 504)
"""Statuses after which the same call is made again."""


class Unreachable(click.ClickException):
    """The system does not answer, or refuses the whole call."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An answer that leads elsewhere is a refusal: the key goes nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Follows nothing."""


_opener: Final = urllib.request.build_opener(_NoRedirect)


def open_call(request: urllib.request.Request, seconds_max: float) -> HTTPResponse:
    """The answer, for a context. Raises what `urlopen` raises. `seconds_max`: without a byte."""
    response: HTTPResponse = _opener.open(request, timeout=seconds_max)
    return response


def origin_and_headers(url: str, api_key: str | None) -> tuple[str, dict[str, str]]:
    """The origin without a slash at its end, and the header with the key. Raises `Unreachable` for another address."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise Unreachable(f"{url} is not the address of a system, such as http://127.0.0.1:8000.")
    return url.rstrip("/"), {"Authorization": f"Bearer {api_key}"} if api_key else {}
