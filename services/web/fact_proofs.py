"""What proves facts in the sealed log, for an answer that names them. Wired by the host."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol


class SealedFact(NamedTuple):
    """The exact text that is sealed of a fact, and the `.tlog-proof` (C2SP) of its place in the log."""

    entry: str
    tlog_proof: str


class FactProofs(Protocol):
    """Looks proofs up."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Holds what it needs while the context lasts."""

    async def of(self, positions: Sequence[int]) -> Mapping[int, SealedFact]:
        """By position; without those that are not sealed yet, and empty where the database does not answer.

        All proofs are by one checkpoint.
        """
