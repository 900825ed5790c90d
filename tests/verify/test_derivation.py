"""The verifier derives what the system publishes, byte for byte, from its own reading of the rules."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from msgspec.structs import replace

from sagecert_verify.derive.event_data import Event
from sagecert_verify.derive.logged_fact import LoggedFact, read_fact
from sagecert_verify.derive.partner import PartnerDerivation
from sagecert_verify.derive.step_events import Stated
from shared.events import wire
from tests.oracle.histories import PRODUCTS, History, densely_revised, seeded
from tests.oracle.rules import facts as oracle
from tests.oracle.rules.facts import PolicyRevised
from tests.oracle.rules.knowledge import partners_mentioned
from tests.oracle.shrinking import told
from tests.policy.comparison import disagreements, steps_of
from tests.policy.fact_log import Group, everything, recorded

FIRST = int(os.environ.get("FIRST_HISTORY", "0"))
HISTORIES = int(os.environ.get("HISTORIES", "120"))
DENSE = max(1, HISTORIES * 2 // 5)
QUESTIONS_PER_HISTORY = 6
TIMERS = timedelta(days=100)
Row = tuple[object, ...]


def partly_loaded_afterwards(groups: list[Group], seed: int) -> list[Group]:
    """The same, with groups marked as history at random."""
    random = Random(seed)
    marks = [random.random() < 0.5 for _ in groups]
    return [tuple(replace(fact, history=mark) for fact in group) for group, mark in zip(groups, marks, strict=True)]


def stored(groups: list[Group]) -> list[LoggedFact]:
    facts = (read_fact(fact.position, fact.append_position, *wire.encode(fact)) for group in groups for fact in group)
    return [fact for fact in facts if fact is not None]


def published(groups: list[Group], partner: str, until: datetime) -> Iterator[tuple[int, Row]]:
    """Each event of the system with the append position of its step, 0 for a timer."""
    for step in steps_of(groups, partner, until):
        for event in step.events:
            effective_at, recorded_at = wire.instant_text(event.effective_at), wire.instant_text(event.recorded_at)
            yield (
                step.position,
                (event.event_id, event.type, tuple(event.products), effective_at, recorded_at, event.about, event.data),
            )


def row_of(event: Event) -> Row:
    head = event.event_id, event.type, tuple(event.products), event.effective_at, event.recorded_at
    return *head, event.about, event.data


@pytest.mark.parametrize("seed", range(FIRST, FIRST + HISTORIES))
def test_every_event_of_every_partner(seed: int) -> None:
    check_every_event(seeded(seed), seed)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + DENSE))
def test_policy_calculator_and_verifier_agree_where_the_policy_is_revised_all_the_time(seed: int) -> None:
    """Three readings of the rules: answers against the calculator, events against the verifier (R38, R39)."""
    history = densely_revised(seed)
    assert sum(isinstance(fact, PolicyRevised) for fact in history) >= 4
    assert not list(disagreements(history, QUESTIONS_PER_HISTORY)), told(history)
    check_every_event(history, seed)


def check_every_event(history: History, seed: int) -> None:
    groups = partly_loaded_afterwards(recorded(history), seed)
    facts, until = stored(groups), history[-1].recorded_at + TIMERS
    for partner in sorted(partners_mentioned(history)):
        rows = list(published(groups, partner, until))
        since = {
            (datetime.fromisoformat(str(row[4])), position, row[2][0]): datetime.fromisoformat(str(row[3]))
            for position, row in rows
            if str(row[1]).endswith("standing-changed.v1") and isinstance(row[2], tuple)
        }
        derived = PartnerDerivation(partner, PRODUCTS).derive(facts, until, Stated(since))
        assert [row_of(event) for event in derived] == [row for _, row in rows]


def test_the_histories_derive_something() -> None:
    assert len(everything(recorded(seeded(FIRST)))) > 5


def test_of_one_instant_portal_changes_come_as_they_were_recorded_and_then_people() -> None:
    """A partner is enrolled late, when all of this was so already; names say nothing about the order."""
    begin, late = datetime(2024, 1, 2, 9, tzinfo=UTC), datetime(2024, 3, 4, 9, tzinfo=UTC)
    at, due = begin + timedelta(days=9), date(2024, 9, 9)
    history: History = [oracle.ConsultantLinked(f"linked-{who}", begin, begin, "P2", who) for who in ("adam", "zoe")]
    history += [oracle.PortalChangeDeclared(name, at, at, name, PRODUCTS, True, due) for name in ("xmas", "bank", "m")]
    history += [oracle.ConsultantLinked(f"dual-{who}", at, at, "P1", who) for who in ("zoe", "adam")]
    history.append(oracle.PartnerEnrolled("enrolled", begin, late, "P1", "VAR", "PARTNER_SUCCESS"))
    check_every_event(history, 1)
