"""What was learned about a partner between two instants that changed the answer, and by which facts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import msgspec

from services.compliance.database import Connection
from services.compliance.historical_answers.as_of import moment_of, partner_as_of
from services.compliance.historical_answers.explanations import NamedFact, named_fact
from services.compliance.historical_answers.partners import never_mentioned
from services.compliance.historical_answers.questions import AsOfMembers, PartnerChanges
from services.compliance.policy.learned_changes import Learned, Standings, what_was_learned
from services.compliance.policy.parameters import Parameters
from services.compliance.refusals import InvalidQuery, KnownInTheFuture
from shared.events.compliance_events import Standing, Status
from shared.events.facts import REPORTED

_MEMBERS: Final = ("status", "sell_new", "maintain_existing", "headcount", "minimum", "shortfall")
_LISTS: Final = ("counted", "windows", "suspensions")


class StandingSummary(msgspec.Struct, frozen=True):
    """How a partner stands for a product, as known at one end of the interval."""

    product: str
    status: Status
    sell_new: bool
    maintain_existing: bool
    headcount: int
    minimum: int | None
    shortfall: int | None


class Difference(msgspec.Struct, frozen=True):
    """A member of the answer that changed. Of a list: what was removed, and what was added."""

    product: str
    member: str
    before: Any
    after: Any


class LearnedChange(msgspec.Struct, frozen=True):
    """Facts recorded together, and the differences that they made.

    `facts`: the reported facts of the call. `first_mention`: before them no known fact named the partner.
    """

    position: int
    recorded_at: datetime
    facts: tuple[NamedFact, ...]
    first_mention: bool
    differences: tuple[Difference, ...]


class PartnerChangesAnswer(msgspec.Struct, frozen=True):
    """What changed the answer for `at` between what was known at two instants.

    `before`, `after`: how the partner stands at `at`, as known at either; empty if it was not mentioned yet.
    `next`: the `after` of the next page; null: there is none.
    """

    partner_id: str
    at: datetime
    known_from: datetime
    from_position: int
    known_to: datetime
    to_position: int
    before: tuple[StandingSummary, ...]
    after: tuple[StandingSummary, ...]
    changes: tuple[LearnedChange, ...]
    next: int | None


async def partner_changes(connection: Connection, question: PartnerChanges, parameters: Parameters) -> bytes:
    """What was learned. Raises `NeverMentioned`, `InvalidQuery` and `KnownInTheFuture`."""
    with _named_as("known_to"):
        latest, facts = await partner_as_of(
            connection, question.partner_id, AsOfMembers(question.at, question.known_to), parameters
        )
    known_from = question.known_from or min(latest.at, latest.known_at)
    with _named_as("known_from"):
        _, earliest = await moment_of(connection, AsOfMembers(latest.at, known_from), parameters)
    if earliest.position > latest.position:
        raise InvalidQuery("known_from is after known_to: give the earlier instant as known_from.", "known_from")
    found = list(what_was_learned(facts, earliest.position, question.partner_id, latest.at, parameters))
    if not found[-1].after:
        raise never_mentioned(question.partner_id)
    later_changes = [learned for learned in found[1:] if learned.facts[-1].position > (question.after or 0)]
    page = later_changes[: question.limit]
    answer = PartnerChangesAnswer(
        partner_id=question.partner_id,
        at=latest.at,
        known_from=earliest.known_at,
        from_position=earliest.position,
        known_to=latest.known_at,
        to_position=latest.position,
        before=summaries(found[0].after),
        after=summaries(found[-1].after),
        changes=tuple(map(_change, page)),
        next=page[-1].facts[-1].position if len(later_changes) > len(page) else None,
    )
    return msgspec.json.encode(answer)


@contextmanager
def _named_as(parameter: str) -> Iterator[None]:
    """Says by its own name which of the two instants lies in the future."""
    try:
        yield
    except KnownInTheFuture:
        raise KnownInTheFuture(
            f"{parameter} is in the future: what will be known then is not known yet.", parameter
        ) from None


def summaries(standings: Standings) -> tuple[StandingSummary, ...]:
    """The standings without windows, suspensions and who is counted."""
    return tuple(
        StandingSummary(product, *(getattr(standing, member) for member in _MEMBERS))
        for product, standing in standings.items()
    )


def _change(learned: Learned) -> LearnedChange:
    last = learned.facts[-1]
    reported = [fact for fact in learned.facts if type(fact.data) in REPORTED] or learned.facts
    return LearnedChange(
        last.append_position,
        last.recorded_at,
        tuple(map(named_fact, reported)),
        not learned.before,
        tuple(_differences(learned)),
    )


def _differences(learned: Learned) -> Iterator[Difference]:
    for product, after in learned.after.items():
        before = learned.before.get(product)
        if before is None:
            yield Difference(product, "status", None, after.status)
            continue
        for member in _MEMBERS:
            old, new = getattr(before, member), getattr(after, member)
            if old != new:
                yield Difference(product, member, old, new)
        yield from _of_lists(product, before, after)


def _of_lists(product: str, before: Standing, after: Standing) -> Iterator[Difference]:
    for member in _LISTS:
        old, new = getattr(before, member), getattr(after, member)
        if old != new:
            yield Difference(product, member, _only_in(old, new), _only_in(new, old))


def _only_in(these: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    known = set(others)
    return [item for item in these if item not in known]
