"""The facts of many people and streams at once, kept up to date while facts are decided and appended."""

from bisect import insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from services.certification.decision import Decided
from services.certification.event_store.append_request import Outcome, Routing, state_at
from services.certification.event_store.decision_scope import Scope
from services.certification.event_store.person_facts import Duty, PersonFacts, Place, duty_name
from services.certification.event_store.stored_facts import Loaded, StoredFact, stored_fact
from shared.events import wire
from shared.events.envelope import Fact
from shared.events.facts import AttemptScored, CourseCompleted, ExamRegistered, FactVoided, RevocationOrdered

FACTS_MIN: Final = 500
"""So many facts of each person and stream are loaded in any case."""

FACTS_PER_LINE: Final = 50
"""So many facts more are loaded for each line, shared among the people: less work than to load line by line."""

KEPT_MAX: Final = 100_000
"""Beyond so many facts everything is forgotten before the next run, and loaded again where it is needed."""

_PENDING_FROM: Final = 1 << 62
"""Facts that are not appended yet come after every position of the log."""


class Overtaken(Exception):
    """A newer fact of another caller about somebody whose facts are loaded."""


class LoadedSubjects:
    """Facts by person and stream, as they were loaded, and those decided since.

    `now`: the clock at the last load, `running` or standing still. `receipts`: the fact and the salt of its free text,
    by the idempotency key that recorded it. `people`, `streams`: those that were loaded whole. `too_long`: people and
    streams about whom nothing is decided here: more facts are recorded than are kept. `dry`: nothing is appended.
    """

    def __init__(self, *, dry: bool = False) -> None:
        self.now = datetime.min.replace(tzinfo=UTC)
        self.running = True
        self.receipts: dict[str, tuple[StoredFact, bytes]] = {}
        self.people: set[str] = set()
        self.streams: set[str] = set()
        self.too_long: set[str] = set()
        self._by_place: dict[Place, StoredFact] = {}
        self._places: dict[str, Place] = {}
        self._voids: dict[str, Place] = {}
        self._of_stream: dict[str, list[Place]] = {}
        self._owners: dict[str, set[str]] = {}
        self._registered: dict[str, Place] = {}
        self._of_person: dict[str, PersonFacts] = {}
        self._seen: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._pending: list[tuple[Decided, list[Place]]] = []
        self._last_pending = _PENDING_FROM
        self._dry = dry

    def __len__(self) -> int:
        return len(self._by_place)

    def add_rows(self, rows: Iterable[Iterable[Any]]) -> None:
        """Takes in rows of `load_subjects.sql`, in the order of the log.

        Raises `Overtaken` where one is about somebody who was loaded whole before it was recorded; never when `dry`.
        """
        for now, running, facts_max, salt, key, *columns in rows:
            self.now, self.running = now, running
            if columns[0] is None:
                continue
            stored = self._by_place.get(columns[2])
            if stored is None:
                stored = stored_fact(columns)
                if self._is_newer(stored):
                    raise Overtaken
                self._add(stored, stored.fact.position)
                self._count(stored, facts_max)
            if key is not None:
                self.receipts[key] = (stored, salt or b"")

    def add_known(self, people: Iterable[str], streams: Collection[str]) -> None:
        """These people and streams, and who registered these, are loaded whole."""
        self.streams.update(streams)
        self.people.update(people)
        for stream in streams:
            self.people |= self.owners(stream)

    def fact(self, fact_id: str) -> StoredFact | None:
        """The fact of this id, if it is among those loaded or decided."""
        place = self._places.get(fact_id)
        return None if place is None else self._by_place[place]

    def leave(self, names: Iterable[str]) -> None:
        """Leaves the decisions about these people and streams, and about the owners of the streams, to single calls."""
        for name in names:
            self.too_long.update(self.owners(name), (name,))

    def about(self, scope: Scope) -> set[str]:
        """The people and streams whose facts a decision may depend on, but for the streams of a person named."""
        return {name for name in (self._person(scope), scope.originator_id) if name is not None}

    def owners(self, originator_id: str) -> set[str]:
        """Whose registration the stream is, or was before it was voided."""
        return self._owners.get(originator_id, set())

    def loaded(self, scope: Scope) -> Loaded:
        """The facts that a decision may depend on: those that `load_for_decision.sql` finds."""
        person = self._person(scope)
        places = set(self._of_stream.get(scope.originator_id or "", ()))
        if scope.fact_id is not None:
            found = (self._places.get(scope.fact_id), self._voids.get(scope.fact_id))
            places.update(place for place in found if place is not None)
        duty = self._duty(scope)
        if person is not None and person in self._of_person:
            places.update(self._concerned(self._of_person[person], scope, duty))
        return Loaded(
            now=self.now,
            running=self.running,
            consultant_id=person,
            consultant_seen=self._seen.get(person, 0) if person is not None else 0,
            originator_id=scope.originator_id,
            facts=tuple(self._stored(places)),
            receipt=None,
            salt=b"",
        )

    def known_with(self, stored: StoredFact) -> Iterator[Fact]:
        """What `why_no_effect` looks at for a fact recorded before, and later facts; in log order, as far as loaded."""
        fact, stream = stored.fact, stored.routing.originator_id
        places = {self._places[fact.fact_id], *self._of_stream.get(stream, ())}
        places.update(place for place in range(fact.position, fact.append_position + 1) if place in self._by_place)
        for name in self.owners(stream) | {stored.routing.consultant_id or ""}:
            person = self._of_person.get(name)
            if person is not None:
                places.update(self._told(person, fact))
                for attempt in self._attempts(stream):
                    places.update(person.statements.get(attempt, ()))
        return (other.fact for other in self._stored(places))

    def _told(self, person: PersonFacts, fact: Fact) -> Iterator[Place]:
        """What the person did for the product of a course or a revocation, voided or not, and the voids."""
        if not isinstance(fact.data, CourseCompleted | RevocationOrdered):
            return
        duty = fact.data.product, getattr(fact.data, "portal_change_id", None)
        for place in person.told.get(duty, ()):
            other = self._by_place[place].fact
            if isinstance(fact.data, RevocationOrdered) or isinstance(other.data, CourseCompleted):
                yield place
                if other.fact_id in self._voids:
                    yield self._voids[other.fact_id]
        if isinstance(fact.data, RevocationOrdered):
            for stream in person.registrations.get(duty, ()):
                yield from self._of_stream[stream]

    def add_decided(self, decided: Decided) -> None:
        """Takes in what was decided and is not appended yet."""
        places = []
        for fact, row in zip(decided.facts, decided.call.facts, strict=True):
            self._last_pending += 1
            routing = Routing(row.originator_id, row.partner_id, row.into_partner_id, row.consultant_id)
            stored = StoredFact(fact, routing, self._next_version(row.originator_id), decided.recorded.held, None)
            self._add(stored, self._last_pending)
            places.append(self._last_pending)
        self._pending.append((decided, places))

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """What was decided since the last time is appended, with these outcomes."""
        appended = zip(self._pending, outcomes, strict=True)
        routings = [[self._by_place[place].routing for place in places] for _, places in self._pending]
        for place in reversed([place for _, places in self._pending for place in places]):
            self._remove(place)
        for ((decided, _), outcome), routed in zip(appended, routings, strict=True):
            for stored in self._appended(decided, outcome, routed):
                self._add(stored, stored.fact.position)
            for row in decided.call.facts:
                if row.consultant_id is not None and row.consultant_id != decided.call.consultant_id:
                    self._load_again(row.consultant_id)
        self._pending.clear()

    def _load_again(self, person: str) -> None:
        """Something was appended about the person without looking whether others had told something newer."""
        self.people.discard(person)
        for streams in self._of_person[person].registrations.values():
            self.streams.difference_update(streams)

    def _appended(self, decided: Decided, outcome: Outcome, routings: Sequence[Routing]) -> Iterator[StoredFact]:
        """The facts of the decision as they are stored."""
        assert outcome.position is not None, "it is recorded"
        assert outcome.recorded_at is not None, "it is recorded"
        rows = decided.call.facts
        held: bool | None = decided.recorded.held
        content_hash: bytes | None = bytes.fromhex(decided.call.content_hash[2:])
        for position, (row, routing) in enumerate(zip(rows, routings, strict=True), outcome.position - len(rows) + 1):
            state = state_at(row, outcome.recorded_at).encode()
            fact = wire.decode(row.topic, state, position, outcome.position)
            yield StoredFact(fact, routing, self._next_version(row.originator_id), held, content_hash)
            held, content_hash = None, None  # the receipt is on the first fact only

    def _concerned(self, person: PersonFacts, scope: Scope, duty: Duty | None) -> Iterator[Place]:
        names = {scope.fact_id or "", *self._attempts(scope.originator_id or "")}
        if duty is not None:
            names.add(duty_name(duty))
            at = self.now if scope.effective_at is None else scope.effective_at
            course = self._first_course(person, duty, scope.fact_id)
            if course is not None:
                yield course
            late = course is None or self._by_place[course].fact.effective_at > at
            if duty[1] is not None or scope.extent == "whole" or (scope.extent == "course" and late):
                yield from self._whole(person, duty)
            elif scope.extent == "part":
                for since in (at, *self._attempts(scope.originator_id or "").values()):
                    revocation = person.first_revocation(duty, since)
                    if revocation is not None:
                        yield revocation
        for name in names:
            statement = person.last_statement(name)
            if statement is not None:
                yield statement

    def _whole(self, person: PersonFacts, duty: Duty) -> Iterator[Place]:
        """Everything that the person did for the product or the portal change, and the last statement of each grant."""
        yield from person.recognitions.get(duty, ())
        yield from (place for _, place in person.revocations.get(duty, ()))
        for stream in person.registrations.get(duty, ()):
            yield from self._of_stream[stream]
        yield from person.grants(duty)

    def _first_course(self, person: PersonFacts, duty: Duty, but: str | None) -> Place | None:
        courses = (place for _, place in person.courses.get(duty, ()))
        return next((place for place in courses if self._by_place[place].fact.fact_id != but), None)

    def _attempts(self, originator_id: str) -> dict[str, datetime]:
        """When each score of the stream, voided or not, was made, by the id of the fact."""
        facts = (self._by_place[place].fact for place in self._of_stream.get(originator_id, ()))
        return {fact.fact_id: fact.effective_at for fact in facts if isinstance(fact.data, AttemptScored)}

    def _duty(self, scope: Scope) -> Duty | None:
        """What the decision is about: as the scope says, or what the registration is for."""
        if scope.product is not None:
            return scope.product, scope.portal_change_id
        registered = self._registration(scope.originator_id)
        return None if registered is None else (registered.product, registered.portal_change_id)

    def _person(self, scope: Scope) -> str | None:
        if scope.consultant_id is not None:
            return scope.consultant_id
        registered = self._registration(scope.originator_id)
        return None if registered is None else registered.consultant_id

    def _registration(self, originator_id: str | None) -> ExamRegistered | None:
        """The registration of the stream; None while it is not recorded, or voided."""
        place = self._registered.get(originator_id or "")
        data = None if place is None else self._by_place[place].fact.data
        return data if isinstance(data, ExamRegistered) else None

    def _next_version(self, originator_id: str) -> int:
        places = self._of_stream.get(originator_id)
        return 1 + (self._by_place[places[-1]].version if places else 0)

    def _add(self, stored: StoredFact, place: Place) -> None:
        fact, stream = stored.fact, stored.routing.originator_id
        self._by_place[place] = stored
        self._places[fact.fact_id] = place
        insort(self._of_stream.setdefault(stream, []), place)
        person = stored.routing.consultant_id
        if person is not None and place < _PENDING_FROM:
            self._seen[person] = max(place, self._seen.get(person, 0))
        match fact.data:
            case FactVoided(fact_id):
                self._voids[fact_id] = place
                if fact_id in self._places:
                    self._take_out(self._places[fact_id])
            case ExamRegistered(consultant_id=owner):
                self._owners.setdefault(stream, set()).add(owner)
            case _:
                pass
        if person is not None:
            self._of_person.setdefault(person, PersonFacts()).add(fact, place, stream)
        if isinstance(fact.data, ExamRegistered):
            self._registered[stream] = max(place, self._registered.get(stream, 0))  # an earlier one may be found later
        if fact.fact_id in self._voids:
            self._take_out(place)

    def _take_out(self, place: Place) -> None:
        """The fact is voided, or removed."""
        stored = self._by_place[place]
        person = self._of_person.get(stored.routing.consultant_id or "")
        if person is not None:
            person.remove(stored.fact, place)
        if self._registered.get(stored.routing.originator_id) == place:
            del self._registered[stored.routing.originator_id]

    def _remove(self, place: Place) -> None:
        """Of a stream the last one, to be added again."""
        self._take_out(place)
        stored = self._by_place.pop(place)
        del self._places[stored.fact.fact_id]
        self._of_stream[stored.routing.originator_id].pop()
        person = self._of_person.get(stored.routing.consultant_id or "")
        if person is not None:
            person.forget(stored.fact, place)

    def _is_newer(self, stored: StoredFact) -> bool:
        person, stream = stored.routing.consultant_id, stored.routing.originator_id
        if self._dry or person in self.too_long or stream in self.too_long:
            return False
        return person in self.people or stream in self.streams

    def _count(self, stored: StoredFact, facts_max: int) -> None:
        """Of whom there are more facts than were loaded, nothing is decided here."""
        routing = stored.routing
        for name in (routing.consultant_id, routing.originator_id):
            if name is not None:
                self._counts[name] = self._counts.get(name, 0) + 1
                if self._counts[name] > facts_max:
                    self.leave({name})

    def _stored(self, places: Iterable[Place]) -> Iterator[StoredFact]:
        return (self._by_place[place] for place in sorted(places))
