"""What one person did, found by what it is about: one decision looks at a few of the person's facts."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from shared.events.envelope import Fact
from shared.events.facts import (
    CertificationRecognised,
    CertificationRevoked,
    ConsultantCertified,
    CourseCompleted,
    ExamRegistered,
    MaintenanceCompleted,
    RevocationOrdered,
)

Duty = tuple[str, str | None]
"""A product, and the portal change that the fact is maintenance for."""

Place = int
"""The place of a fact in the order of the log."""

_Timed = tuple[datetime, Place]


class PersonFacts:
    """The places of a person's facts. What was voided is taken out; registrations and statements stay.

    `courses`, `revocations`: by effective instant. `registrations`: the streams of registrations that are or were the
    person's. `statements`: by the name of a grant or a duty, in order. `told`: courses, revocations and recognitions,
    voided or not.
    """

    def __init__(self) -> None:
        self.courses: dict[Duty, list[_Timed]] = {}
        self.revocations: dict[Duty, list[_Timed]] = {}
        self.recognitions: dict[Duty, list[Place]] = {}
        self.registrations: dict[Duty, dict[str, None]] = {}
        self.statements: dict[str, list[Place]] = {}
        self.told: dict[Duty, set[Place]] = {}
        self._grants: dict[Duty, dict[str, None]] = {}

    def add(self, fact: Fact, place: Place, stream: str) -> None:
        """Takes in a fact."""
        match fact.data:
            case CourseCompleted(_, product, portal_change_id):
                insort(self.courses.setdefault((product, portal_change_id), []), (fact.effective_at, place))
                self.told.setdefault((product, portal_change_id), set()).add(place)
            case RevocationOrdered(_, product):
                insort(self.revocations.setdefault((product, None), []), (fact.effective_at, place))
                self.told.setdefault((product, None), set()).add(place)
            case CertificationRecognised(_, product):
                insort(self.recognitions.setdefault((product, None), []), place)
                self.told.setdefault((product, None), set()).add(place)
            case ExamRegistered(_, _, product, portal_change_id):
                self.registrations.setdefault((product, portal_change_id), {})[stream] = None
            case ConsultantCertified() | CertificationRevoked() | MaintenanceCompleted():
                insort(self.statements.setdefault(statement_name(fact), []), place)
                self._grants.setdefault(_duty_stated(fact), {})[statement_name(fact)] = None
            case _:
                pass

    def remove(self, fact: Fact, place: Place) -> None:
        """Takes a fact out that is in, or has been taken out."""
        match fact.data:
            case CourseCompleted(_, product, portal_change_id):
                _remove(self.courses.get((product, portal_change_id), []), (fact.effective_at, place))
            case RevocationOrdered(_, product):
                _remove(self.revocations.get((product, None), []), (fact.effective_at, place))
            case CertificationRecognised(_, product):
                _remove(self.recognitions.get((product, None), []), place)
            case ConsultantCertified() | CertificationRevoked() | MaintenanceCompleted():
                _remove(self.statements.get(statement_name(fact), []), place)
            case _:
                pass

    def forget(self, fact: Fact, place: Place) -> None:
        """Removes a fact that was never recorded at this place."""
        self.remove(fact, place)
        if isinstance(fact.data, CourseCompleted | RevocationOrdered | CertificationRecognised):
            self.told[fact.data.product, getattr(fact.data, "portal_change_id", None)].discard(place)

    def first_revocation(self, duty: Duty, since: datetime) -> Place | None:
        """The first revocation at or after the instant, of several at one instant the first recorded."""
        revocations = self.revocations.get(duty, [])
        at = bisect_left(revocations, (since, 0))
        return revocations[at][1] if at < len(revocations) else None

    def last_statement(self, name: str) -> Place | None:
        """The last statement about a grant or a duty."""
        places = self.statements.get(name)
        return places[-1] if places else None

    def grants(self, duty: Duty) -> Iterator[Place]:
        """The last statement of each grant about which one was made for the duty."""
        for name in self._grants.get(duty, ()):
            place = self.last_statement(name)
            if place is not None:
                yield place


def duty_name(duty: Duty) -> str:
    """The name under which maintenance of the duty is stated."""
    product, portal_change_id = duty
    return f"{product} {portal_change_id or ''}"


def statement_name(fact: Fact) -> str:
    """The name of the grant or duty that the decision is about."""
    match fact.data:
        case ConsultantCertified() | CertificationRevoked():
            return fact.data.grant_id
        case _:
            return duty_name(_duty_stated(fact))


def _duty_stated(fact: Fact) -> Duty:
    assert isinstance(fact.data, ConsultantCertified | CertificationRevoked | MaintenanceCompleted)
    return fact.data.product, getattr(fact.data, "portal_change_id", None)


def _remove(items: list[Any], item: Place | _Timed) -> None:
    at = bisect_left(items, item)
    if at < len(items) and items[at] == item:
        del items[at]
