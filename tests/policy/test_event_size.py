"""A compliance event stays below 64 KiB whatever its partner's history is, and says what it left out."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import msgspec
import pytest

from services.compliance.policy.answers_from_facts import partner_segment
from services.compliance.policy.parameters import PARAMETERS, Parameters
from services.compliance.policy.partner_history import PartnerHistory, Step
from shared.events.compliance_events import ComplianceEventData, Standing
from shared.events.envelope import Fact
from shared.events.facts import ConsultantCertified, ConsultantLeft, ConsultantLinked, PartnerEnrolled, Period
from tests.policy.cost_shapes import DAY, HOUR, START, Happening, fact

BYTES_MAX = 64 * 1024
PRODUCTS = PARAMETERS.products
PARTNER = "p" * 64
COUNTED_MAX, UNFILLED_MAX, ENDED_MAX, SUSPENSIONS_MAX = 100, 100, 10, 10
"""Of each of two products."""


def consultant(number: int) -> str:
    return f"{number:064}"


def joining(number: int, at_hours: int) -> Iterator[Happening]:
    at = START + at_hours * HOUR
    yield at, ConsultantLinked(PARTNER, consultant(number))
    for product in PRODUCTS:
        grant = f"{product}-{consultant(number)}"
        yield at, ConsultantCertified(consultant(number), product, grant, at, (Period(at, None, ("e" * 36,)),))


def very_many_people() -> Iterator[Happening]:
    yield START, PartnerEnrolled(PARTNER, "VAR", "PARTNER_SUCCESS")
    for number in range(250):
        yield from joining(number, number)


def everybody_leaves() -> Iterator[Happening]:
    yield from very_many_people()
    for number in range(250):
        yield START + 300 * HOUR + number * DAY, ConsultantLeft(PARTNER, consultant(number))


def very_many_windows() -> Iterator[Happening]:
    """Each of the last two leaves and comes back, in time or late."""
    yield START, PartnerEnrolled(PARTNER, "VAR", "PARTNER_SUCCESS")
    for number in range(2):
        yield from joining(number, number)
    at = START + DAY
    for number in range(120):
        yield at, ConsultantLeft(PARTNER, consultant(number % 2))
        at += (40 if number % 3 else 1) * DAY
        yield at, ConsultantLinked(PARTNER, consultant(number % 2))
        at += DAY


HISTORIES = {
    "very many people": (very_many_people, PARAMETERS),
    "everybody leaves a partner that must keep 99": (
        everybody_leaves,
        Parameters(version="test", minimum={"VAR": 99, "DEVELOPER": 1}),
    ),
    "very many windows and suspensions": (very_many_windows, PARAMETERS),
}


def steps(facts: Sequence[Fact], parameters: Parameters) -> Iterator[tuple[int, Step]]:
    """Each step, with how many facts are recorded by then."""
    history = PartnerHistory(PARTNER, parameters)
    for known, each in enumerate(facts):
        for step in history.fire_timers(each.recorded_at):
            yield known, step
        yield known + 1, history.record((each,))


def within_bounds(answer: Standing) -> Standing:
    """What an event shows of an answer, by the words of its documentation."""
    unfilled = [window for window in answer.windows if window.closed_at is None]
    ended = sorted(
        (window for window in answer.windows if window.closed_at is not None), key=lambda window: str(window.closed_at)
    )
    shown = sorted([*ended[-ENDED_MAX:], *unfilled[:UNFILLED_MAX]], key=lambda window: window.opened_at)
    over = [suspension for suspension in answer.suspensions if suspension.to is not None]
    running = answer.suspensions[len(over) :]
    return msgspec.structs.replace(
        answer,
        counted=answer.counted[:COUNTED_MAX],
        windows=tuple(shown),
        suspensions=(*over[-SUSPENSIONS_MAX:], *running),
        counted_omitted=max(0, answer.headcount - COUNTED_MAX),
        windows_omitted=len(answer.windows) - len(shown),
        suspensions_omitted=max(0, len(over) - SUSPENSIONS_MAX),
    )


@pytest.mark.parametrize("name", HISTORIES)
def test_whoever_folds_the_events_holds_the_answers_within_the_bounds(name: str) -> None:
    happenings, parameters = HISTORIES[name]
    facts = [fact(position, at, at, data) for position, (at, data) in enumerate(happenings(), start=1)]
    held: dict[str, Standing] = {}
    greatest = 0
    for known, step in steps(facts, parameters):
        for event in step.events:
            greatest = max(greatest, len(event.data))
            for standing in msgspec.json.decode(event.data, type=ComplianceEventData).standings:
                held[standing.product] = standing
        if known % 7 == 0 and held:
            answer = partner_segment(facts[:known], PARTNER, "S200P", step.instant, parameters)
            assert answer is not None
            assert held["S200P"] == within_bounds(answer.standing)
    assert 5_000 < greatest < BYTES_MAX - 4_096


def test_a_group_of_any_size_is_named_by_its_first_facts() -> None:
    at = START + timedelta(days=1)
    group = tuple(
        Fact(f"f{number}", at, at, ConsultantLinked("P", f"C{number}"), number, 500) for number in range(1, 501)
    )
    history = PartnerHistory("P", PARAMETERS)

    step = history.record(group)

    named = msgspec.json.decode(step.events[0].data, type=ComplianceEventData).fact_ids
    assert named == tuple(f"f{number}" for number in range(1, 101))
