"""The outcome of a request. Apart from `http_post`, whose HTTP client loads slowly."""

from typing import Final

import msgspec

RETRY_AFTER_SECONDS_MAX: Final = 1e9
"""Greater values of `Retry-After` are cut to this, about thirty years."""


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of a request.

    `status`: of the reply; null: none came. `error`: one short sentence if there is no status or it does not
    count. `reply`: the first 2 KiB of its body. `retry_after_seconds`: as the receiver asks, from 0 to
    RETRY_AFTER_SECONDS_MAX; null: it does not ask, or unreadably.
    """

    status: int | None
    error: str | None
    duration_ms: int
    reply: bytes = b""
    retry_after_seconds: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver accepted the message: 2xx, with a whole reply within the deadline."""
        return self.error is None and self.status is not None and 200 <= self.status < 300
