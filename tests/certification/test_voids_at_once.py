"""Many callers record, void and record again under a few names at once; the log holds as if one had done it all."""

import asyncio
from random import Random
from typing import Any, Final

import psycopg
import pytest

from services.certification.domain.consultant import Consultant, evolve, subject
from services.certification.domain.rules.grants import grants
from services.certification.domain.rules.maintenance_completions import completions
from shared.events import wire
from shared.events.envelope import Fact
from shared.events.facts import DECIDED, AttemptScored, Decision, ExamRegistered, FactVoided, PortalChangeDeclared
from tests.certification.caller import Caller
from tests.certification.conftest import calling
from tests.databases import Database

CALLERS: Final = 6
CALLS_EACH: Final = 20
CONSULTANTS: Final = ("C1", "C2")
REGISTRATIONS: Final = ("R1", "R2")
PRODUCTS: Final = ("S200P", "S200P", "S200S")
DAYS: Final = tuple(f"2022-03-0{day}T09:00:00Z" for day in range(1, 6))

Name = tuple[str | int, ...]


class Reporter:
    """Makes calls at random, many of which contradict those of the others.

    `recorded`: ids of facts that can be voided, one for each lot that is drawn.
    """

    def __init__(self, caller: Caller, random: Random, recorded: list[str]) -> None:
        self.caller = caller
        self.random = random
        self.recorded = recorded

    async def run(self) -> None:
        for _ in range(CALLS_EACH):
            path, body = self._call()
            answer = await self.caller.post(path, **body)
            assert answer.status_code in (200, 201, 202, 409, 422), answer.text
            if answer.status_code in (201, 202) and not path.endswith("/void"):
                named = path in ("exam-registrations", "portal-changes") or path.endswith("/attempts")
                self.recorded += [answer.json()["fact_id"]] * (5 if named else 1)

    def _call(self) -> tuple[str, dict[str, Any]]:
        registration, consultant = self.random.choice(REGISTRATIONS), self.random.choice(CONSULTANTS)
        person = {"consultant_id": consultant, "product": self.random.choice(PRODUCTS)}
        about = self.random.choice(({}, {}, {"portal_change_id": "CH1"}))
        when = {"effective_at": self.random.choice(DAYS)}
        if self.recorded and self.random.random() < 0.4:
            return f"facts/{self.random.choice(self.recorded[-30:])}/void", {"reason": "x"}
        calls: list[tuple[str, dict[str, Any]]] = [
            ("exam-registrations", {**person, **about, **when, "registration_id": registration}),
            ("exam-registrations", {**person, **about, **when, "registration_id": registration}),
            (f"exam-registrations/{registration}/attempts", {**when, "attempt": 1, "score": self._score()}),
            (f"exam-registrations/{registration}/attempts", {**when, "attempt": 2, "score": self._score()}),
            (
                f"exam-registrations/{registration}/attempts/1/corrections",
                {**when, "score": self._score(), "reason": "x"},
            ),
            ("course-completions", {**person, **about, **when}),
            ("recognised-certifications", {**person, **when}),
            ("certification-revocations", {**person, **when, "reason": "x"}),
            (
                "portal-changes",
                {
                    **when,
                    "portal_change_id": "CH1",
                    "products": ["S200P"],
                    "significant": True,
                    "due_on": f"2022-04-0{self.random.randint(1, 3)}",
                    "summary": "s",
                },
            ),
        ]
        return self.random.choice(calls)

    def _score(self) -> str:
        return self.random.choice(("70", "85", "90"))


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_recorded_at_once_holds_as_if_one_by_one(caller: Caller, database: Database, seed: int) -> None:
    """R33, R34: at every place of the log one fact of a name stands; what is stated is what follows from the whole.

    Half of them call another service on the same database: nobody takes turns there with the others.
    """
    recorded: list[str] = []
    async with calling(database, sandbox=False) as other:
        reporters = [
            Reporter((caller, other)[number % 2], Random(100 * seed + number), recorded) for number in range(CALLERS)
        ]
        await asyncio.gather(*(reporter.run() for reporter in reporters))
    log = stored(database)
    assert one_of_each_name(log) >= 1, "names were taken again"
    for consultant_id in CONSULTANTS:
        assert stated(log, consultant_id) == whole(log, consultant_id)


def stored(database: Database) -> list[Fact]:
    with psycopg.connect(database.owner_url) as connection:
        rows = connection.execute(
            "SELECT topic, state, notification_id, append_position FROM certification.stored_events"
            " ORDER BY notification_id"
        ).fetchall()
    return [
        wire.decode(topic, bytes(state), position, append_position) for topic, state, position, append_position in rows
    ]


def name_of(fact: Fact) -> Name | None:
    match fact.data:
        case ExamRegistered(registration_id):
            return ("registration", registration_id)
        case AttemptScored(registration_id, attempt):
            return ("attempt", registration_id, attempt)
        case PortalChangeDeclared(portal_change_id):
            return ("portal change", portal_change_id)
        case _:
            return None


def one_of_each_name(log: list[Fact]) -> int:
    """How often a name was taken again; fails where two facts of one name stand at once, or one is voided twice."""
    standing: dict[Name, str] = {}
    seen: set[Name] = set()
    voided: set[str] = set()
    again = 0
    for fact in log:
        if isinstance(fact.data, FactVoided):
            assert fact.data.fact_id not in voided
            voided.add(fact.data.fact_id)
            standing = {name: fact_id for name, fact_id in standing.items() if fact_id not in voided}
        elif (name := name_of(fact)) is not None:
            assert name not in standing, f"{name} is taken twice"
            standing[name] = fact.fact_id
            again += name in seen
            seen.add(name)
    return again


def stated(log: list[Fact], consultant_id: str) -> dict[Any, Decision]:
    """The last statement of each subject about the consultant that holds at some time."""
    last: dict[Any, Decision] = {}
    for fact in log:
        if type(fact.data) in DECIDED and getattr(fact.data, "consultant_id", None) == consultant_id:
            decision: Any = fact.data
            last[subject(decision)] = decision
    return {key: decision for key, decision in last.items() if decision.periods}


def whole(log: list[Fact], consultant_id: str) -> dict[Any, Decision]:
    """What follows for the consultant from all that is reported of anybody."""
    state = Consultant(consultant_id)
    for fact in log:
        if getattr(fact.data, "consultant_id", consultant_id) == consultant_id:
            state = evolve(state, fact)
    return {subject(decision): decision for decision in (*grants(state.standing), *completions(state.standing))}
