"""What still stands of a log: the reported facts that were not voided (R33)."""

from collections.abc import Iterable

from shared.events.envelope import Fact
from shared.events.facts import DECIDED, FactVoided


def standing(facts: Iterable[Fact]) -> list[Fact]:
    """The reported facts, in the order given, without voids, decisions and what was voided."""
    kept: dict[str, Fact] = {}
    for fact in facts:
        if isinstance(fact.data, FactVoided):
            kept.pop(fact.data.fact_id, None)
        elif type(fact.data) not in DECIDED:
            kept[fact.fact_id] = fact
    return list(kept.values())
