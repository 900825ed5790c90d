"""What proves facts in the sealed log, for an answer that names them. Wired by the host."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol


class SealedFact(NamedTuple):
    """The exact text that is sealed of a fact, and the `.tlog-proof` (C2SP) of its place in the log."""

    entry: str
    tlog_proof: str


class FoundProofs(NamedTuple):
    """The proofs by position, all by one checkpoint. `missing`: in sentences, why there are no more."""

    facts: Mapping[int, SealedFact]
    missing: tuple[str, ...] = ()


class FactProofs(Protocol):
    """Looks proofs up."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Holds what it needs while the context lasts."""

    async def of(self, positions: Sequence[int]) -> FoundProofs:
        """Those that there are. Without any where the database does not answer in time."""
