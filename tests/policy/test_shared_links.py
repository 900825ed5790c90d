"""What a partner reads of people whose links are followed once for all is as if it had followed them itself."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import pytest

from services.certification.event_store.append_request import Routing
from services.certification.event_store.streams import routing_of
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.policy.partner_history import PartnerHistory
from services.compliance.policy.step_position import LAST_PARTNER, StepPosition
from services.compliance.projection.history_cache import CannotResume, KeptHistory, unknown_people
from services.compliance.projection.shared_people import PeopleSeen, SharedPeople, SharedPerson
from services.compliance.read_model.consultant_rows import consultant_rows
from services.compliance.read_model.projection_progress import ProjectionProgress
from services.compliance.read_model.routing import LoggedFact
from services.compliance.read_model.rows import PartnerRows, PersonRows
from shared.events.envelope import Fact
from shared.events.facts import FactVoided, PartnerClosed, PartnersMerged
from tests.policy.test_affected_partners import PARTNERS, leading_to, log

PEOPLE = ("C0", "C1")
NOTHING_WRITTEN = PartnerRows("", [], [], [], [], None, [])
START = datetime(2024, 1, 1, tzinfo=UTC)


def logged(facts: Sequence[Fact]) -> list[LoggedFact]:
    """With the columns by which certification routes them."""
    found: list[LoggedFact] = []
    routings: dict[str, Routing] = {}
    for fact in facts:
        data = fact.data
        routing = routing_of(data, None, routings[data.fact_id] if isinstance(data, FactVoided) else None)
        routings[fact.fact_id] = routing
        found.append(
            LoggedFact(fact, routing.partner_id, routing.into_partner_id, routing.consultant_id, broadcast=False)
        )
    return found


def about(person: str, known: Sequence[LoggedFact]) -> list[LoggedFact]:
    """Everything that can matter to the links of the person; endings of partners elsewhere change nothing."""
    endings = FactVoided | PartnerClosed | PartnersMerged
    return [
        each
        for each in known
        if each.consultant_id == person or (each.consultant_id is None and isinstance(each.fact.data, endings))
    ]


def take_in(shared: SharedPeople, known: Sequence[LoggedFact], coming: Sequence[LoggedFact], position: int) -> None:
    """As the follower does: who newly reaches a partner that ever ended is followed again from the first fact."""
    ended = {each.partner_id for each in known if isinstance(each.fact.data, PartnerClosed | PartnersMerged)}
    for person in PEOPLE:
        its = about(person, coming)
        if person not in shared.ids or shared.newly_reached(person, its) & ended:
            fresh = SharedPerson(person, PARAMETERS)
            fresh.begin(about(person, known), position)
            shared.put(person, fresh)
        else:
            shared.take_in(person, its)


def gone_on(
    shared: SharedPeople, partner_id: str, behind: Sequence[LoggedFact], coming: Sequence[LoggedFact]
) -> PartnerHistory:
    """The history of the partner from the first fact, which reads the links once it is where the batch begins."""
    history = PartnerHistory(partner_id, PARAMETERS)
    for each in behind:
        history.fire_timers(each.fact.recorded_at)
        history.record([each.fact])
    assert history.partner_facts.read_links(PeopleSeen(shared, partner_id))
    for each in coming:
        history.fire_timers(each.fact.recorded_at)
        history.record([each.fact])
    return history


def aside(each: LoggedFact, mergers: set[tuple[str, str]]) -> set[str | None]:
    """The partners that the fact touches whatever the people do."""
    named = {each.partner_id, each.into_partner_id}
    if each.consultant_id is None and each.partner_id is not None:
        named |= leading_to(each.partner_id, mergers)
    return named


@pytest.mark.parametrize("seeds", [range(first, first + 50) for first in range(0, 200, 50)], ids=str)
def test_a_partner_that_reads_the_links_is_as_one_that_follows_them(seeds: range) -> None:
    skipped = compared = 0
    for seed in seeds:
        random, known = Random(seed), logged(list(log(Random(seed))))
        shared = SharedPeople()
        followed = {partner_id: PartnerHistory(partner_id, PARAMETERS) for partner_id in PARTNERS}
        reading = {
            partner_id: PartnerHistory(partner_id, PARAMETERS, PeopleSeen(shared, partner_id))
            for partner_id in PARTNERS
        }
        rows: dict[str, dict[str, PersonRows]] = {partner_id: {} for partner_id in PARTNERS}
        written: dict[str, dict[str, PersonRows]] = {partner_id: {} for partner_id in PARTNERS}
        mergers: set[tuple[str, str]] = set()
        first = 0
        while first < len(known):
            coming = known[first : first + random.choice((1, 1, 2, 5))]
            position = known[first - 1].fact.position if first else 0
            cursor = StepPosition(START, position, LAST_PARTNER)
            shared.begin_batch(ProjectionProgress(position, START, cursor, 0, ""))
            take_in(shared, known[: first + len(coming)], coming, position)
            before: list[LoggedFact] = []
            for each in coming:
                fact = each.fact
                if isinstance(fact.data, PartnersMerged):
                    mergers.add((fact.data.partner_id, fact.data.into))
                touched = aside(each, mergers) | shared.concerned_by(fact.append_position)
                for partner_id in PARTNERS:
                    whole, seen = followed[partner_id], reading[partner_id]
                    expected = (*whole.fire_timers(fact.recorded_at), whole.record([fact]))
                    found = list(seen.fire_timers(fact.recorded_at))
                    rows[partner_id].update((row.consultant_id, row) for row in consultant_rows(whole))
                    if partner_id in touched:
                        kept = KeptHistory(seen, NOTHING_WRITTEN._replace(partner_id=partner_id))
                        try:
                            unknown_people(kept, [[each]], shared)
                        except CannotResume:
                            seen = reading[partner_id] = gone_on(shared, partner_id, known[:first], before)
                        found.append(seen.record([fact]))
                        for row in consultant_rows(seen):
                            written[partner_id][row.consultant_id] = row
                        compared += 1
                    else:
                        skipped += 1
                    assert {person: row for person, row in written[partner_id].items() if row.link} == {
                        person: row for person, row in rows[partner_id].items() if row.link
                    }, (seed, fact)
                    assert [step for step in found if step.events] == [step for step in expected if step.events], (
                        seed,
                        fact,
                    )
                before.append(each)
            first += len(coming)
        for partner_id in PARTNERS:
            for person in PEOPLE:
                whole_person, seen_person = (
                    histories[partner_id].partner_facts.person(person) for histories in (followed, reading)
                )
                if whole_person is not None and seen_person is not None:
                    assert whole_person.tenures == seen_person.tenures
                    assert whole_person.linked_times(partner_id) == seen_person.linked_times(partner_id)
    assert skipped > 1_000
    assert compared > 1_000
