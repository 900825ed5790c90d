"""The log of compliance events as it is read: its structure, checked entry by entry, and where engines take over."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from sagecert_verify.engines_and_rotations import FACT_IDS, Engine, SystemFacts
from sagecert_verify.indexed_facts import Spool, positions_by_name
from sagecert_verify.rows import EVENT_COLUMNS, Row, WrongEntryError, quick_row, read_row

LAST_PARTNER: Final = "\U0010ffff"
"""After the name of any partner."""

StepKey = tuple[str, int, str]
"""A step: its instant as a column has it, the position of its facts (0: a timer) and the partner."""


class TakeOver(NamedTuple):
    """An engine took over behind the step `after`. `first`: the position of its first correction; None: it made none.

    What was published before follows the rules of another engine, and stands until a correction takes it back.
    """

    after: StepKey
    engine: Engine
    first: int | None

    def is_before(self, position: int, step: StepKey) -> bool:
        """Whether it took over before the event at this position of the log, of this step."""
        return position >= self.first if self.first is not None else step >= self.after


class IndexedEventLog:
    """Takes the entries of the log of compliance events; the log of facts was taken before. `last`: the last step."""

    def __init__(self, system: SystemFacts) -> None:
        self.spool = Spool()
        self.by_partner = positions_by_name()
        self.last: StepKey = ("", 0, "")
        self._system = system
        self._corrections: list[TakeOver] = []
        self._last_corrected = ""
        self._ids: set[str] = set()

    def take(self, position: int, entry: bytes) -> None:
        """Raises `WrongEntryError`."""
        columns, body = read_row(entry, EVENT_COLUMNS)
        if columns["position"] != position:
            raise WrongEntryError(f"it says that it is at {columns['position']}: the positions have a gap")
        if columns["event_id"] in self._ids:
            raise WrongEntryError(f"there is another event {columns['event_id']}")
        self._ids.add(columns["event_id"])
        step = columns["recorded_at"], columns["fact_position"], columns["partner_id"]
        engine = self._cause(body)
        if engine is None:
            self._take_step(step)
        else:
            self._take_correction(position, step, engine)
        self.spool.append(entry)
        self.by_partner[columns["partner_id"]].append(position)

    def events(self, positions: Iterable[int]) -> Iterator[tuple[int, Row]]:
        """The events at these positions."""
        for position in positions:
            yield position, quick_row(self.spool.read(position))

    @property
    def reach(self) -> StepKey:
        """The step up to which everything that follows is published, as far as the log tells."""
        return max(self.last, self._corrections[-1].after) if self._corrections else self.last

    def take_overs(self) -> list[TakeOver]:
        """In order: where the facts install another engine than before, as far as the log of events goes.

        Where no correction shows the step, it is the place of the fact.
        """
        by_fact = {take_over.engine.fact_id: take_over for take_over in self._corrections}
        found, before = [], None
        for engine in self._system.engines:
            place = engine.recorded_at, engine.append_position, ""
            if engine.fact_id in by_fact:
                found.append(by_fact[engine.fact_id])
            elif engine.engine_id != before and place <= self.reach:
                found.append(TakeOver(place, engine, None))
            before = engine.engine_id
        return found

    def _cause(self, body: bytes) -> Engine | None:
        """The engine whose fact the event names as its cause."""
        _, _, named = body.partition(FACT_IDS)
        return self._system.engine_of_fact.get(named.partition(b"]")[0])

    def _take_step(self, step: StepKey) -> None:
        if step < self.last:
            raise WrongEntryError("its step comes before the one before it: by instant, facts and partner")
        last = self._corrections[-1] if self._corrections else None
        if last is not None and step[:2] == last.after[:2] and last.after[2] == LAST_PARTNER:
            # The engine took over in the middle of a step: after the partners who had theirs.
            done = self.last[2] if self.last[:2] == step[:2] else ""
            self._corrections[-1] = last._replace(after=(*step[:2], done))
        self.last = step

    def _take_correction(self, position: int, step: StepKey, engine: Engine) -> None:
        """Corrections of one engine have one step; they concern what was published before it was installed."""
        last = self._corrections[-1] if self._corrections else None
        if last is not None and last.engine == engine:
            if step[:2] != last.after[:2] or step[2] < self._last_corrected:
                raise WrongEntryError("the corrections of one engine are not in one step, by partner")
        elif last is not None and engine.position < last.engine.position:
            raise WrongEntryError("its cause is an engine that another one had replaced")
        else:
            if step[:2] < self.last[:2]:
                raise WrongEntryError("its step comes before the one before it: by instant and facts")
            if max(step[:2], self.last[:2]) >= (engine.recorded_at, engine.append_position):
                raise WrongEntryError("its engine was installed before what it corrects was published")
            self.last = *step[:2], self.last[2] if self.last[:2] == step[:2] else ""
            self._corrections.append(TakeOver((*step[:2], LAST_PARTNER), engine, position))
        self._last_corrected = step[2]
