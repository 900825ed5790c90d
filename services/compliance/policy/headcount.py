"""The headcount over time: a step function that a late fact shifts from its instant on (R9, R30).

The instants lie in blocks. A change shifts whole blocks at once, and a search for a low headcount skips the blocks
that stay above it: both cost a hundredth of the instants that follow.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime
from typing import Final

BLOCK_SIZE: Final = 256
"""Instants in a block; one of twice as many is split."""


class _Block:
    """Neighbouring instants and the headcount from each on, less `shift`. `low`: none of `counts` is less."""

    __slots__ = ("counts", "instants", "low", "shift")

    def __init__(self, instants: list[datetime], counts: list[int], shift: int) -> None:
        self.instants = instants
        self.counts = counts
        self.shift = shift
        self.low = min(counts)


class Headcount:
    """How many people count from each instant on; 0 before the first."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._starts: list[datetime] = []

    def __call__(self, instant: datetime) -> int:
        """The headcount at the instant, its own changes included."""
        number = bisect_right(self._starts, instant) - 1
        if number < 0:
            return 0
        block = self._blocks[number]
        return block.counts[bisect_right(block.instants, instant) - 1] + block.shift

    def shift(self, instant: datetime, people: int) -> None:
        """Adds `people` to the headcount from the instant on and notes the instant. Negative: takes people off."""
        if not self._blocks:
            self._blocks.append(_Block([instant], [people], 0))
            self._starts.append(instant)
            return
        number = max(0, bisect_right(self._starts, instant) - 1)
        block = self._blocks[number]
        instants, counts = block.instants, block.counts
        index = bisect_left(instants, instant)
        if index == len(instants) or instants[index] != instant:
            instants.insert(index, instant)
            counts.insert(index, counts[index - 1] if index else -block.shift)
            self._starts[number] = instants[0]
        counts[index:] = shifted = [count + people for count in counts[index:]]
        if people < 0 or index == 0:
            block.low = min(block.low, *shifted)
        for later in self._blocks[number + 1 :]:
            later.shift += people
        if len(instants) >= 2 * BLOCK_SIZE:
            self._split(number)

    def _split(self, number: int) -> None:
        block = self._blocks[number]
        self._blocks[number : number + 1] = [
            _Block(block.instants[:BLOCK_SIZE], block.counts[:BLOCK_SIZE], block.shift),
            _Block(block.instants[BLOCK_SIZE:], block.counts[BLOCK_SIZE:], block.shift),
        ]
        self._starts.insert(number + 1, block.instants[BLOCK_SIZE])

    def remove(self, instant: datetime) -> None:
        """Forgets an instant at which nobody comes or goes any more."""
        number = bisect_right(self._starts, instant) - 1
        block = self._blocks[number]
        index = bisect_left(block.instants, instant)
        del block.instants[index], block.counts[index]
        if block.instants:
            self._starts[number] = block.instants[0]
        else:
            del self._blocks[number], self._starts[number]

    def instants(self, after: datetime | None, until: datetime | None) -> Iterator[datetime]:
        """The instants at which people come or go, after `after`, up to and including `until`; None: without limit."""
        number = 0 if after is None else max(0, bisect_right(self._starts, after) - 1)
        for block in self._blocks[number:]:
            index = 0 if after is None else bisect_right(block.instants, after)
            for instant in block.instants[index:]:
                if until is not None and instant > until:
                    return
                yield instant

    def next_instant(self, after: datetime | None) -> datetime | None:
        """The first instant after `after` at which people come or go."""
        if not self._blocks:
            return None
        if after is None:
            return self._starts[0]
        number = bisect_right(self._starts, after)
        if number:
            instants = self._blocks[number - 1].instants
            index = bisect_right(instants, after)
            if index < len(instants):
                return instants[index]
        return self._starts[number] if number < len(self._starts) else None

    def next_below(self, after: datetime | None, ceiling: int) -> datetime | None:
        """The first instant after `after` at which the headcount, cut off at `ceiling`, changes."""
        number = 0 if after is None else max(0, bisect_right(self._starts, after) - 1)
        before = 0 if after is None else min(self(after), ceiling)
        for block in self._blocks[number:]:
            high = ceiling - block.shift
            if before == ceiling and block.low >= high:
                continue
            index = 0 if after is None else bisect_right(block.instants, after)
            for place in range(index, len(block.counts)):
                count = block.counts[place]
                if (ceiling if count >= high else count + block.shift) != before:
                    return block.instants[place]
            block.low = min(block.counts)
        return None

    def stays_above(self, instant: datetime, floor: int) -> bool:
        """Whether the headcount is `floor` or more at the instant and ever after."""
        if self(instant) < floor:
            return False
        number = max(0, bisect_right(self._starts, instant) - 1)
        for block in self._blocks[number:]:
            if block.low + block.shift < floor:
                index = bisect_right(block.instants, instant)
                if any(count + block.shift < floor for count in block.counts[index:]):
                    return False
                block.low = min(block.counts)
        return True
