"""The people of a partner who are nearest to counting, with what each lacks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from services.compliance.database import Connection
from services.compliance.policy.consultant_times import Times
from services.compliance.policy.missing_qualifications import training_of
from services.compliance.policy.near_people import (
    NOBODY,
    PEOPLE_MAX,
    TRIED_MAX,
    LinkedPerson,
    Nearest,
    nearest,
    nearest_changes_at,
    to_try,
    training_for,
)
from services.compliance.read_model.names import consultant_names
from services.compliance.read_model.routing import topics
from services.compliance.read_model.training_facts import training_for_certification
from services.web.statements import statements
from shared.events.facts import CourseCompleted, ExamRegistered

_SQL: Final = statements(__file__, people_max=str(PEOPLE_MAX), progress=topics(CourseCompleted, ExamRegistered))
LINKED_PEOPLE: Final = _SQL["people"]
_decode: Final = msgspec.json.Decoder(list[tuple[str, Times, Times, tuple[Times, ...]]]).decode


class NearestNow(NamedTuple):
    """The nearest people, with names, and the next instant at which they change if no fact comes."""

    nearest: Nearest
    changes_at: datetime | None


NOBODY_NEAR: Final = NearestNow(NOBODY, None)


def decode_people(people: str | None) -> list[LinkedPerson]:
    """What `LINKED_PEOPLE` selects."""
    return [] if people is None else [LinkedPerson(*person) for person in _decode(people)]


async def nearest_now(
    connection: Connection, people: Sequence[LinkedPerson], product: str, at: datetime, position: int
) -> NearestNow:
    """Who of these people is nearest at the instant, judged from the facts up to the position."""
    candidates = to_try(people, at)
    if not candidates:
        return NOBODY_NEAR
    tried = await _first(connection, candidates, product, position)
    facts = await training_for_certification(connection, tried, position)
    training = training_for({person: training_of(known) for person, known in facts.items()}, tried, product)
    found = nearest(candidates, training, at)
    names = await consultant_names(connection, [person.consultant_id for person in found.people])
    named = tuple(msgspec.structs.replace(person, name=names.get(person.consultant_id)) for person in found.people)
    return NearestNow(Nearest(named, found.omitted), nearest_changes_at(candidates, training, at))


async def _first(connection: Connection, candidates: Sequence[LinkedPerson], product: str, position: int) -> list[str]:
    """The ids of those to ask what they lack: they are few, or the most promising."""
    ids = [person.consultant_id for person in candidates]
    if len(ids) <= TRIED_MAX:
        return ids
    certified = [bool(person.certified) for person in candidates]
    rows = await connection.fetch(_SQL["ranked"], ids, certified, product, position, TRIED_MAX)
    return [row["consultant_id"] for row in rows]
