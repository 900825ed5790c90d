"""What is loaded for a decision is enough: it is the same as if everything about the person had been looked at."""

from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Literal

import psycopg
import pytest

from services.certification.decision import RequestReceipt
from services.certification.domain.consultant import Consultant, evolve, follow
from services.certification.domain.fact_report import FactReport
from services.certification.domain.void import standing
from services.certification.event_store.database import Database as Log
from services.certification.event_store.store import EventStore
from services.certification.record_fact import record
from services.web.refusal import Refusal
from shared.events import wire
from shared.events.envelope import Fact
from shared.events.facts import (
    DECIDED,
    AttemptScored,
    CertificationRecognised,
    CourseCompleted,
    ExamRegistered,
    FactVoided,
    Reported,
    RevocationOrdered,
    ScoreCorrected,
)
from tests.certification.seed import day
from tests.databases import Database

PEOPLE = ("C1", "C2")
PRODUCTS = ("S200P", "S200S")
REGISTRATIONS = ("R1", "R2", "R3", "M1", "M2")
ATTEMPTS: Sequence[Literal[1, 2]] = (1, 2)
CHANGES = (None, "CH1", "CH2")
SCORES = ("70", "79.99", "80", "90")
FACTS = 60
AHEAD = 27_000
"""Days from the beginning that lie in the future, and still before 2101."""


@pytest.fixture
async def store(database: Database) -> AsyncIterator[EventStore]:
    async with Log(database.certification_url, None, 2, 20.0) as log, EventStore(log) as opened:
        yield opened


def reported(random: Random, told: Sequence[str]) -> Reported:
    """Something that may be told of these few people, registrations and facts."""
    person, product = random.choice(PEOPLE), random.choice(PRODUCTS)
    registration = random.choice(REGISTRATIONS)
    change = random.choice(CHANGES[1:]) if registration.startswith("M") else None
    attempt = random.choice(ATTEMPTS)
    facts: list[Reported] = [
        CourseCompleted(person, product, random.choice(CHANGES)),
        CertificationRecognised(person, product),
        RevocationOrdered(person, product),
        ExamRegistered(registration, person, product, change),
        AttemptScored(registration, attempt, random.choice(SCORES)),
        AttemptScored(registration, attempt, random.choice(SCORES)),
        ScoreCorrected(registration, attempt, random.choice(SCORES)),
        *([FactVoided(random.choice(told))] if told else []),
    ]
    return random.choice(facts)


def expected(log: Sequence[Fact], fact: Fact) -> list[object]:
    """What follows from the fact after all of the log, looked at whole."""
    by_id = {other.fact_id: other for other in log}
    subject = by_id[fact.data.fact_id] if isinstance(fact.data, FactVoided) else fact
    match subject.data:
        case AttemptScored(registration_id) | ScoreCorrected(registration_id):
            person = next(
                (
                    other.data.consultant_id
                    for other in standing(log)
                    if isinstance(other.data, ExamRegistered) and other.data.registration_id == registration_id
                ),
                None,
            )
        case _:
            person = getattr(subject.data, "consultant_id", None)
    if person is None:
        return []
    theirs = {
        other.data.registration_id
        for other in (*log, fact)
        if isinstance(other.data, ExamRegistered) and other.data.consultant_id == person
    }
    about = [
        other
        for other in log
        if isinstance(other.data, FactVoided)
        or getattr(other.data, "registration_id", None) in theirs
        or (not hasattr(other.data, "registration_id") and getattr(other.data, "consultant_id", None) == person)
    ]
    return list(follow(evolve(Consultant(person), *about), fact))


@pytest.mark.parametrize("seed", range(12))
async def test_every_decision_is_what_follows_from_everything(
    store: EventStore, owner: psycopg.Connection, seed: int
) -> None:
    random = Random(seed)
    told: list[str] = []
    for number in range(FACTS):
        data = reported(random, told)
        on = random.choice((None, *range(8), AHEAD)) if random.random() < 0.8 else None
        if isinstance(data, ScoreCorrected | FactVoided) and on == AHEAD:
            on = None
        report = FactReport(f"f{number}", data, None if on is None else day(on), "test")
        try:
            await record(store, PRODUCTS, report, RequestReceipt("test", report.fact_id, b""))
        except Refusal:
            continue
        told.append(report.fact_id)
    rows = owner.execute(
        "SELECT topic, state, notification_id, append_position FROM certification.stored_events ORDER BY 3"
    )
    log = [wire.decode(*row) for row in rows]
    decided = 0
    for at, fact in enumerate(log):
        if type(fact.data) in DECIDED:
            continue
        decisions = [other.data for other in log[at + 1 :] if other.causation_id == fact.fact_id]
        assert decisions == expected(log[:at], fact), fact
        decided += len(decisions)
    assert decided > 1, "something follows from such a history"
