"""The people of a partner who are nearest to counting for a product: their link counts, and they are not certified."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from services.compliance.policy.consultant_times import (
    Times,
    certified_times,
    counting_times,
    holds,
    maintenance_duties,
)
from services.compliance.policy.missing_qualifications import NO_TRAINING, Lack, Training, lacking
from services.compliance.policy.partner_facts import PartnerFacts

PEOPLE_MAX: Final = 200
"""So many people of a partner are looked at, the first by id."""
TRIED_MAX: Final = 20
"""For so many of them it is looked up what they lack."""
SHOWN_MAX: Final = 5
_INSTANTS_MAX: Final = 100


class LinkedPerson(NamedTuple):
    """Somebody linked to the partner, over time. `counting`: when it counts there, if certified for the product (R23).

    `owed`: when the maintenance of the product for each portal change is owed.
    """

    consultant_id: str
    counting: Times
    certified: Times
    owed: tuple[Times, ...]

    def is_near(self, at: datetime) -> bool:
        """Whether it would count if it were certified, and is not."""
        return holds(self.counting, at) and not holds(self.certified, at)

    @property
    def stays_certified(self) -> bool:
        """Whether it is certified for good, so that nothing is ever to be done."""
        return len(self.certified) == 1 and self.certified <= self.counting[:1]


class NearPerson(msgspec.Struct, frozen=True):
    """Who lacks `steps` things to be certified, and so to count. `name`: null if it is unknown or erased."""

    consultant_id: str
    name: str | None
    lacks: tuple[Lack, ...]
    steps: int


class Nearest(NamedTuple):
    """The nearest people at an instant, fewest steps first, and how many more are near."""

    people: tuple[NearPerson, ...]
    omitted: int


NOBODY: Final = Nearest((), 0)


def linked_people(partner_facts: PartnerFacts, product: str) -> list[LinkedPerson]:
    """The first people of the partner whose links ever count there, by id."""
    found = []
    for consultant_id, person in sorted(partner_facts.people()):
        if counting := counting_times(person):
            owed = tuple(duty.owed for duty in maintenance_duties(person, partner_facts, (product,)))
            found.append(LinkedPerson(consultant_id, counting, certified_times(person, product), owed))
            if len(found) == PEOPLE_MAX:
                break
    return found


def to_try(people: Sequence[LinkedPerson], at: datetime) -> list[LinkedPerson]:
    """Those who can be near at the instant or later."""
    return [person for person in people if not person.stays_certified and _counts_from(person, at)]


def nearest(people: Sequence[LinkedPerson], training: Mapping[str, Training], at: datetime) -> Nearest:
    """Who is nearest at the instant. `training`: of those who are tried."""
    near = [person for person in people if person.is_near(at)]
    tried = []
    for person in near:
        if person.consultant_id in training:
            owed = any(holds(times, at) for times in person.owed)
            lacks = lacking(at, training[person.consultant_id], certified=False, maintenance_owed=owed)
            tried.append(NearPerson(person.consultant_id, None, lacks, len(lacks)))
    tried.sort(key=attrgetter("steps", "consultant_id"))
    return Nearest(tuple(tried[:SHOWN_MAX]), len(near) - min(SHOWN_MAX, len(tried)))


def nearest_changes_at(
    people: Sequence[LinkedPerson], training: Mapping[str, Training], at: datetime
) -> datetime | None:
    """The first instant at which others are nearest, or lack something else, if no fact comes.

    After `_INSTANTS_MAX` instants without such a change, the next one, whatever it brings.
    """
    now = nearest(people, training, at)
    instants = {instant for of_one in training.values() for instant in of_one.instants() if instant > at}
    for person in people:
        for times in (person.counting, person.certified, *person.owed):
            instants.update(instant for instant in times if instant > at)
    for number, instant in enumerate(sorted(instants)):
        if number == _INSTANTS_MAX or nearest(people, training, instant) != now:
            return instant
    return None


def training_for(known: Mapping[str, Mapping[str, Training]], ids: Sequence[str], product: str) -> dict[str, Training]:
    """What each of these people did for the product."""
    return {consultant_id: known.get(consultant_id, {}).get(product, NO_TRAINING) for consultant_id in ids}


def _counts_from(person: LinkedPerson, at: datetime) -> bool:
    return holds(person.counting, at) or person.counting[-1] > at
