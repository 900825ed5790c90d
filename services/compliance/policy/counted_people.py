"""The people who count at an instant of a sweep."""

from bisect import bisect_left, insort
from collections.abc import Mapping

from services.compliance.policy.headcount_movements import Movement


class CountedPeople:
    """Who counts. `facts`: id to the facts by which the person counts; `ids`: the same ids, in order."""

    __slots__ = ("facts", "ids")

    def __init__(self) -> None:
        self.facts: dict[str, tuple[str, ...]] = {}
        self.ids: list[str] = []

    def copy(self) -> "CountedPeople":
        """The same people, to go on from."""
        copied = CountedPeople()
        copied.facts, copied.ids = dict(self.facts), list(self.ids)
        return copied

    def put(self, consultant_id: str, facts: tuple[str, ...] | None) -> None:
        """The person counts because of these facts; None: not at all."""
        if facts is None:
            if self.facts.pop(consultant_id, None) is not None:
                del self.ids[bisect_left(self.ids, consultant_id)]
        else:
            if consultant_id not in self.facts:
                insort(self.ids, consultant_id)
            self.facts[consultant_id] = facts

    def move(self, movements: Mapping[str, Movement]) -> None:
        """These people begin or cease to count."""
        for consultant_id, movement in movements.items():
            self.put(consultant_id, movement.facts if movement.gained else None)
