"""The proofs of some facts at once, by one checkpoint, for answers that name them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from services.audit.database import Pool, create_pool
from services.audit.fact_prover import FactProver, Proved
from services.audit.settings import AuditSettings
from services.web.database_connections import AWAY
from services.web.fact_proofs import FoundProofs, SealedFact
from services.web.fair_places import FairPlaces

AT_ONCE_MAX: Final = 1
"""Answers whose proofs are made at once."""
SECONDS_MAX: Final = 5.0
"""How long an answer waits for its proofs, before it goes without."""
ENTRIES_CHARACTERS_MAX: Final = 1 << 20
"""The most characters of entries in one answer; the facts beyond are not proved there."""

_log: Final = logging.getLogger(__name__)


class AnswerProofs:
    """Belongs to one event loop. `reading_role`: taken on where the login may."""

    def __init__(self, settings: AuditSettings, reading_role: str | None = None) -> None:
        self._settings = settings
        self._reading_role = reading_role
        self._prover = FactProver(settings)
        self._pool: Pool | None = None
        self._places = FairPlaces(AT_ONCE_MAX)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opens and closes the connections."""
        async with create_pool(self._settings, connections_max=AT_ONCE_MAX, reading_role=self._reading_role) as pool:
            self._pool = pool
            yield

    async def of(self, positions: Sequence[int]) -> FoundProofs:
        """The proofs, without those that are not sealed yet; none where the database does not answer in time."""
        assert self._pool is not None, "it runs"
        try:
            async with asyncio.timeout(SECONDS_MAX), self._places.place(), self._pool.acquire() as connection:
                proved = await self._prover.prove(connection, positions)
        except (*AWAY, asyncpg.PostgresError) as problem:
            _log.warning("an explanation goes without proofs: %r", problem)
            return FoundProofs({}, ("The database did not answer in time: ask again for the proofs.",))
        facts = dict(_within(proved.facts))
        return FoundProofs(facts, tuple(_missing(positions, proved, len(facts))))


def _within(facts: dict[int, SealedFact]) -> Iterator[tuple[int, SealedFact]]:
    """The first of the facts, as many as an answer can hold."""
    left = ENTRIES_CHARACTERS_MAX
    for position, fact in facts.items():
        left -= len(fact.entry)
        if left < 0:
            return
        yield position, fact


def _missing(positions: Sequence[int], proved: Proved, shown: int) -> Iterator[str]:
    if proved.checkpoint is None:
        yield "Nothing is sealed yet."
        return
    end = proved.checkpoint.size
    unsealed = sum(position > end for position in positions)
    if unsealed:
        yield f"Not sealed yet: {unsealed} of the facts. The latest checkpoint ends at position {end}."
    if proved.altered:
        _log.error("what is stored of the facts %s does not lead to the root that was sealed", proved.altered)
        named = ", ".join(str(position) for position in proved.altered[:10])
        yield f"The log is not what was sealed: what is stored of position {named} does not lead to the signed root."
    if shown < len(proved.facts):
        yield f"Too long to be shown here: {len(proved.facts) - shown} of the facts. Each has its proof at its address."
