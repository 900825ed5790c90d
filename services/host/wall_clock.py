"""The clock on the wall. Whoever composes the services hands it to what the outside world compares with its own."""

from datetime import UTC, datetime


def wall_clock() -> datetime:
    """Now, whatever the sandbox clock shows."""
    return datetime.now(UTC)
