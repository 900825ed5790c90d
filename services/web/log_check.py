"""Asks whether a log is still the one that was sealed, before anything is derived from it. Wired by the host."""

from typing import Protocol


class LogAltered(Exception):
    """A log is not an extension of what was sealed. Nothing may be derived from it.

    `position`: the first one that differs; None: it lies in a part of which nothing is kept that could tell.
    """

    def __init__(self, log: str, position: int | None, why: str) -> None:
        where = "" if position is None else f" from position {position} on"
        super().__init__(
            f"The log of {log} is not what was sealed{where}: {why}. Nothing is derived from it. Restore a backup that "
            "holds every sealed position; `sagecert audit check` compares again."
        )
        self.log = log
        self.position = position


class LogCheck(Protocol):
    """Compares the logs with what was sealed. Each raises `LogAltered`."""

    async def compare(self) -> None:
        """Compares both logs; at first whole, then what is new, what changed, and a little of the rest."""

    async def compare_facts(self) -> None:
        """Compares the log of facts, whole."""

    async def compare_events(self, schema: str) -> None:
        """Compares the compliance log in another schema, whole, before it takes the place of the one in use."""
