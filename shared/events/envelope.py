"""The envelope of a fact: who recorded it, when it was true, when it became known, what caused it."""

import msgspec

from shared.events.fact_class import Instant
from shared.events.facts import FactData


class Fact(msgspec.Struct, frozen=True):
    """One fact of the log.

    `position`: its place in the log, from 1, without gaps; 0 while it is not recorded yet.
    `append_position`: the position of the last fact appended together with it; facts of one append
    share it and `recorded_at`, and a reader applies them together.
    `effective_at`: when it was true in the world (R30). `recorded_at`: when this system learned it;
    never goes backwards along the log. Both are aware and UTC.
    `causation_id`: the reported fact that a decision follows from; None for a reported fact.
    `correlation_id`: the caller's id for the conversation, or the fact's own id.
    `history`: it was loaded afterwards, with the history of another system. It counts like any other fact.
    """

    fact_id: str
    effective_at: Instant
    recorded_at: Instant
    data: FactData
    position: int = 0
    append_position: int = 0
    actor: str = ""
    correlation_id: str = ""
    causation_id: str | None = None
    history: bool = False
