"""What becomes of a message that is sent. Apart from the sending, whose HTTP client takes a while to load."""

from typing import Final

import msgspec

RETRY_AFTER_SECONDS_MAX: Final = 1e9
"""What a greater `Retry-After` is taken for, about thirty years."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a message.

    `status`: of the reply; null: none came. `error`: one short sentence where there is no status or it does not
    count. `reply`: the first 2 KiB of its body. `retry_after_seconds`: as the receiver asks, from 0 to
    RETRY_AFTER_SECONDS_MAX; null: it does not ask, or not in a form that can be read.
    """

    status: int | None
    error: str | None
    duration_ms: int
    reply: bytes = b""
    retry_after_seconds: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver took the message: 2xx, and the reply was whole within the deadline."""
        return self.error is None and self.status is not None and 200 <= self.status < 300
