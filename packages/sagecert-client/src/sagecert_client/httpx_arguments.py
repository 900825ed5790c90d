"""The arguments of httpx that both clients share."""

from typing import Any, Final
from urllib.parse import urlsplit

import httpx

AGENT: Final = "sagecert-client/0.1"
CONNECT_SECONDS_MAX: Final = 10.0


def http_arguments(url: str, api_key: str | None, timeout_seconds: float) -> dict[str, Any]:
    """The arguments of either client of httpx. Raises `ValueError` for what is not an origin."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ValueError(f"{url!r} is not the address of a system, such as http://127.0.0.1:8000")
    headers = {"user-agent": AGENT, **({"authorization": f"Bearer {api_key}"} if api_key else {})}
    timeout = httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, CONNECT_SECONDS_MAX))
    return {"base_url": url.rstrip("/"), "headers": headers, "timeout": timeout}
