"""The facts of many people and streams at once, kept up to date while facts are decided that are not appended yet."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Final

from services.certification.decision import Decided
from services.certification.domain import exam_registration
from services.certification.domain.exam_registration import ExamRegistration
from services.certification.event_store.append_request import Routing
from services.certification.event_store.decision_scope import Scope
from services.certification.event_store.stored_facts import Loaded, StoredFact, stored_fact
from shared.events.envelope import Fact
from shared.events.facts import ExamRegistered

FACTS_MAX: Final = 500
"""The most facts of one person or stream that are kept here; the decisions about others load what they need."""

_PENDING_FROM: Final = 1 << 62
"""Facts that are not appended yet come after every position of the log."""


class LoadedSubjects:
    """Facts by person and stream, as they were loaded, and those decided since.

    `now`: the clock at the last load, `running` or standing still. `receipts`: the fact and the salt of its free text,
    by the idempotency key that recorded it. `known`: the people and streams that were loaded. `too_long`: those of
    which more facts are recorded than are kept.
    """

    def __init__(self) -> None:
        self.now = datetime.min.replace(tzinfo=UTC)
        self.running = True
        self.receipts: dict[str, tuple[StoredFact, bytes]] = {}
        self.known: set[str] = set()
        self.too_long: set[str] = set()
        self._by_position: dict[int, StoredFact] = {}
        self._positions: dict[str, int] = {}
        self._of_person: dict[str, list[int]] = {}
        self._of_stream: dict[str, list[int]] = {}
        self._registrations: dict[str, set[str]] = {}
        self._seen: dict[str, int] = {}
        self._pending = 0

    def add_rows(self, rows: Iterable[Iterable[Any]]) -> None:
        """Takes in rows of `load_subjects.sql`, in the order of the log."""
        for now, running, salt, key, *columns in rows:
            self.now, self.running = now, running
            if columns[0] is None:
                continue
            stored = self._by_position.get(columns[2]) or stored_fact(columns)
            if stored.fact.position not in self._by_position:
                self._add(stored, stored.fact.position)
                person = stored.routing.consultant_id
                if person is not None:
                    self._seen[person] = max(stored.fact.position, self._seen.get(person, 0))
            if key is not None:
                self.receipts[key] = (stored, salt or b"")
        for subjects in (self._of_person, self._of_stream):
            self.too_long.update(subject for subject, found in subjects.items() if len(found) > FACTS_MAX)

    def fact(self, fact_id: str) -> StoredFact | None:
        """The fact of this id, if it is among those loaded or decided."""
        position = self._positions.get(fact_id)
        return None if position is None else self._by_position[position]

    def consultant_of(self, originator_id: str) -> str | None:
        """Whose registration the stream is; None while it is not recorded, or voided."""
        facts = (stored.fact for stored in self._stored(self._of_stream.get(originator_id, ())))
        return reduce(exam_registration.evolve, facts, ExamRegistration()).consultant_id

    def about(self, scope: Scope) -> tuple[str, ...]:
        """The people and streams whose facts a decision may depend on."""
        person = self._person(scope)
        own = () if person is None else (person, *self._registrations.get(person, ()))
        return own if scope.originator_id is None else (*own, scope.originator_id)

    def loaded(self, scope: Scope) -> Loaded:
        """The facts that a decision may depend on, and those of the same people and streams."""
        person = self._person(scope)
        positions: set[int] = set()
        for subject in self.about(scope):
            positions.update(self._of_person.get(subject, ()), self._of_stream.get(subject, ()))
        if scope.fact_id in self._positions:
            positions.add(self._positions[scope.fact_id])
        return Loaded(
            now=self.now,
            running=self.running,
            consultant_id=person,
            consultant_seen=self._seen.get(person, 0) if person is not None else 0,
            originator_id=scope.originator_id,
            facts=tuple(self._stored(positions)),
            receipt=None,
            salt=b"",
        )

    def of(self, consultant_id: str | None, originator_id: str) -> Iterator[Fact]:
        """The facts of a person, their registrations and a stream, in log order, as far as they are loaded."""
        subjects = {originator_id} if consultant_id is None else {consultant_id, originator_id}
        subjects |= self._registrations.get(consultant_id or "", set())
        positions: set[int] = set()
        for subject in subjects:
            positions.update(self._of_person.get(subject, ()), self._of_stream.get(subject, ()))
        return (stored.fact for stored in self._stored(positions))

    def add_decided(self, decided: Decided) -> None:
        """Takes in what was decided and is not appended yet."""
        for fact, row in zip(decided.facts, decided.call.facts, strict=True):
            self._pending += 1
            routing = Routing(row.originator_id, row.partner_id, row.into_partner_id, row.consultant_id)
            stored = StoredFact(fact, routing, self._next_version(row.originator_id), decided.recorded.held, None)
            self._add(stored, _PENDING_FROM + self._pending)

    def _person(self, scope: Scope) -> str | None:
        if scope.consultant_id is None and scope.originator_id is not None:
            return self.consultant_of(scope.originator_id)
        return scope.consultant_id

    def _next_version(self, originator_id: str) -> int:
        positions = self._of_stream.get(originator_id, ())
        return 1 + max((self._by_position[position].version for position in positions), default=0)

    def _add(self, stored: StoredFact, position: int) -> None:
        self._by_position[position] = stored
        self._positions[stored.fact.fact_id] = position
        self._of_stream.setdefault(stored.routing.originator_id, []).append(position)
        person = stored.routing.consultant_id
        if person is not None:
            self._of_person.setdefault(person, []).append(position)
        if isinstance(stored.fact.data, ExamRegistered):
            self._registrations.setdefault(stored.fact.data.consultant_id, set()).add(stored.routing.originator_id)

    def _stored(self, positions: Iterable[int]) -> Iterator[StoredFact]:
        return (self._by_position[position] for position in sorted(positions))
