"""One POST to a stranger's URL, guarded against everything that the receiver may do."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from services.compliance.webhooks.outcome import RETRY_AFTER_SECONDS_MAX, Outcome
from services.compliance.webhooks.transport.addresses import Network
from services.compliance.webhooks.transport.connections import Connector
from services.compliance.webhooks.transport.failure_reasons import describe
from services.compliance.webhooks.transport.resolver import ThreadedResolver
from services.compliance.webhooks.transport.urls import UnacceptableUrl, check_url

DEADLINE_SECONDS: Final = 15.0
"""For name lookup, connection, request and the whole reply together."""

REPLY_BYTES_MAX: Final = 16 * 1024
"""Bytes of a reply's body that are read; the rest is ignored."""

REPLY_BYTES_KEPT: Final = 2 * 1024
_SECONDS: Final = re.compile(r"[0-9]{1,10}")
"""More digits are more than three centuries: a mistake."""
_BEGINS_WITH_A_DAY: Final = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? ")
"""As all three forms of a date in HTTP do; the library's reader takes much else for one."""
_REDIRECTS: Final = range(300, 400)
_URLS_REMEMBERED: Final = 4096

_log = logging.getLogger(__name__)


class Sender:
    """Sends messages, any number at a time. It is a context manager."""

    def __init__(
        self,
        *,
        networks: Sequence[Network],
        plain_http: bool,
        clock: Callable[[], datetime],
        resolver: AbstractResolver | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """`networks`: special networks that are allowed. `clock`: what a date in `Retry-After` is compared with.

        `resolver`: instead of the operating system's.
        """
        self._networks = tuple(networks)
        self._clock = clock
        self._resolver = resolver
        self._deadline_seconds = deadline_seconds
        self._target = lru_cache(_URLS_REMEMBERED)(
            lambda url: URL(check_url(url, plain_http=plain_http, networks=networks), encoded=True)
        )

    async def __aenter__(self) -> Self:
        """Opens nothing but a session; reads the certificates of the authorities that the system trusts."""
        self._session = aiohttp.ClientSession(
            connector=Connector(self._resolver or ThreadedResolver(), self._networks),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "sagecert-webhooks/1", "Accept-Encoding": "identity"},
            read_bufsize=REPLY_BYTES_MAX,
            timeout=aiohttp.ClientTimeout(),  # `asyncio.timeout` is exact, the library's rounds up
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes every connection."""
        await self._session.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, content_type: str) -> Outcome:
        """Sends the request once. Raises only `CancelledError`.

        A connection that breaks before the reply is a failure, also a kept-alive one: the receiver may have read the
        message.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        reply = _Reply()
        error: str | None = None
        try:
            target = self._target(url)
            async with (
                asyncio.timeout(self._deadline_seconds),
                self._session.post(
                    target, data=body, headers={**headers, "Content-Type": content_type}, allow_redirects=False
                ) as response,
            ):
                await reply.read(response, self._clock)
        except TimeoutError:
            error = f"no {'whole ' if reply.status else ''}answer within {self._deadline_seconds:g} s"
        except UnacceptableUrl as refused:
            error = str(refused)
        except Exception as failure:  # what the library and the event loop raise is not theirs to promise
            error = describe(failure)
            if error is None:
                _log.exception("a webhook could not be sent")
                error = "it could not be sent"
        if error is None and reply.status in _REDIRECTS:
            error = f"answered with a redirect ({reply.status}), which is not followed"
        return Outcome(
            status=reply.status,
            error=error,
            duration_ms=round((loop.time() - begun) * 1000),
            reply=bytes(reply.body[:REPLY_BYTES_KEPT]),
            retry_after_seconds=reply.retry_after_seconds,
        )


class _Reply:
    """The part of a reply received so far."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = bytearray()
        self.retry_after_seconds: float | None = None

    async def read(self, response: aiohttp.ClientResponse, clock: Callable[[], datetime]) -> None:
        """Reads status, `Retry-After` and the start of the body."""
        self.status = response.status
        asked = response.headers.getall("Retry-After", ())
        if len(asked) == 1:
            self.retry_after_seconds = retry_after_seconds(asked[0], clock)
        while len(self.body) < REPLY_BYTES_MAX and (piece := await response.content.read(REPLY_BYTES_MAX)):
            self.body += piece


def retry_after_seconds(text: str, clock: Callable[[], datetime]) -> float | None:
    """How long a receiver asks us to wait: 0 for a past date, None for an unreadable value.

    As RFC 9110 (10.2.3) writes it: seconds in digits, without sign or fraction, or a date.
    """
    text = text.strip(" \t")
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    elif not _BEGINS_WITH_A_DAY.match(text):
        return None
    else:
        try:
            date = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - clock().timestamp()
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)
