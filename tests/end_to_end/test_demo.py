"""The story of `sagecert demo`: everything that it promises can be asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.cli.demo import commands
from services.demo import Caller, Told, tell
from tests.systems import System

PRESENT = datetime(2024, 3, 14, 15, 9, 26, tzinfo=UTC)

STATUSES = {
    ("northgate", "S200P"): "compliant",
    ("harbour", "S200P"): "in_window",
    ("harbour", "S200S"): "compliant",
    ("oldmill", "S200P"): "suspended",
    ("cedar", "S200P"): "suspended",
    ("ledgerlabs", "S200S"): "compliant",
    ("brightside", "S200P"): "not_yet_authorised",
    ("tallyho", "S200P"): "not_enrolled",
}


@pytest.fixture(scope="module")
def told(one_system: System) -> System:
    """Told once for the tests that only ask; those that need an empty system come after them."""
    one_system.reset()
    assert tell(Caller(one_system.url, None), PRESENT, print) is Told.NOW
    return one_system


def compliance(system: System, partner: str, product: str, **moment: str) -> dict[str, Any]:
    answer = system.http.get(f"/compliance/v1/partners/{partner}/compliance/{product}", params=moment)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_the_story_is_told_once_and_has_partners_in_every_status(told: System) -> None:
    assert {key: compliance(told, *key)["status"] for key in STATUSES} == STATUSES
    [window] = compliance(told, "harbour", "S200P")["windows"]
    assert window["deadline_on"] == (PRESENT + timedelta(days=2)).date().isoformat()
    before = told.http.get("/certification/v1/events", params={"after": 0, "limit": 1000}).json()
    assert tell(Caller(told.url, None), PRESENT + timedelta(days=1), print) is Told.BEFORE
    assert told.http.get("/certification/v1/events", params={"after": 0, "limit": 1000}).json() == before


def test_what_was_learned_late_was_not_known_before(told: System) -> None:
    then = (PRESENT - timedelta(days=9)).isoformat().replace("+00:00", "Z")
    assert compliance(told, "cedar", "S200P", at=then, known_at=then)["status"] == "compliant"
    assert compliance(told, "cedar", "S200P", at=then)["status"] == "suspended"


def test_every_command_that_is_shown_gets_an_answer(told: System) -> None:
    shown = [line for line in commands(told.url, None, PRESENT).splitlines() if line.startswith("curl -s '")]
    asked = [line.split("'")[1] for line in shown if "compliance/v1" in line]
    assert len(asked) >= 8
    for url in asked:
        assert told.http.get(url).status_code == 200, url


def test_the_last_command_closes_the_window(told: System) -> None:
    answer = told.record("partners/harbour/consultants", "mine-1", consultant_id="olga")
    position = answer.json()["position"]
    assert compliance(told, "harbour", "S200P", min_position=position)["status"] == "compliant"


def test_a_told_story_whose_clock_was_stopped_is_left_alone(told: System) -> None:
    stopped_at = (PRESENT + timedelta(days=1)).isoformat()
    told.set_clock(stopped_at)
    assert tell(Caller(told.url, None), PRESENT, print) is Told.BEFORE
    assert told.http.get("/sandbox/v1/clock").json() == {"now": stopped_at.replace("+00:00", "Z"), "running": False}


def test_a_story_that_was_broken_off_is_told_anew(system: System) -> None:
    def interrupt(line: str) -> None:
        if "telling" in line and system.http.get("/certification/v1/events?after=0&limit=1").json():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tell(Caller(system.url, None), PRESENT, interrupt)
    assert tell(Caller(system.url, None), PRESENT, print) is Told.NOW
    assert compliance(system, "harbour", "S200P")["status"] == "in_window"


def test_a_sandbox_with_something_else_in_it_is_left_alone(system: System) -> None:
    system.record("partners", "mine", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
    assert tell(Caller(system.url, None), PRESENT, print) is Told.SOMETHING_ELSE
    assert len(system.http.get("/certification/v1/events", params={"after": 0}).json()) == 1
