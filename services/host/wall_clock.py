"""The wall clock, for timestamps that the outside world compares with its own clock."""

from datetime import UTC, datetime


def wall_clock() -> datetime:
    """Now, whatever the sandbox clock shows."""
    return datetime.now(UTC)
