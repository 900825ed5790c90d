"""The real clock, for what is held against it by somebody else's code."""

from datetime import UTC, datetime


def wall_clock() -> datetime:
    """Now. Receivers refuse a message whose timestamp is off theirs."""
    return datetime.now(UTC)  # noqa: TID251 - the public library that verifies reads the real clock
