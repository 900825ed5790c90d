"""The story of `sagecert demo`: everything that it promises can be asked for."""

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from services.host.demo.seed import Caller, SeedResult, seed, seeded_on
from services.host.demo.shell_commands import commands
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
    assert seed(Caller(one_system.url, None), PRESENT, print) is SeedResult.NOW
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
    assert seed(Caller(told.url, None), PRESENT + timedelta(days=1), print) is SeedResult.BEFORE
    assert told.http.get("/certification/v1/events", params={"after": 0, "limit": 1000}).json() == before


def test_what_was_learned_late_was_not_known_before(told: System) -> None:
    then = (PRESENT - timedelta(days=9)).isoformat().replace("+00:00", "Z")
    assert compliance(told, "cedar", "S200P", at=then, known_at=then)["status"] == "compliant"
    assert compliance(told, "cedar", "S200P", at=then)["status"] == "suspended"


def asked_as_shown(system: System, *, live: bool) -> dict[str, Any]:
    """Caption to answer, of every question in what is shown, in order; the hiring aside."""
    assert seeded_on(Caller(system.url, None)) == PRESENT.date()
    lines = commands(system.url, None, PRESENT.date(), live=live).splitlines()
    found = {}
    for caption, line in pairwise(lines):
        if line.startswith("curl -s '") and "/compliance/v1/" in line:
            answer = system.http.get(line.split("'")[1])
            assert answer.status_code == 200, answer.text
            found[caption.removeprefix("# ")] = answer.json()
    return found


def check_captions(system: System, shown: dict[str, Any]) -> None:
    """Each caption is held against its answer, by its own words and by what it claims; one without a check fails."""
    for caption, answer in shown.items():
        for said in re.findall(r"\d{4}-\d{2}-\d{2}|compliant|suspended", caption):
            assert said in json.dumps(answer), f"{caption!r} is not what the answer shows"
    captions = iter(shown.items())

    def shows(beginning: str) -> Any:
        caption, answer = next(captions)
        assert caption.startswith(beginning)
        return answer

    harbour = shows("Harbour lost Dora and must replace her by")
    (window,) = harbour["windows"]
    assert next(iter(shown)).endswith(f"by {window['deadline_on']}")
    assert (harbour["status"], window["outcome"], "dora" in harbour["counted"]) == ("in_window", "open", False)
    old_mill = shows("Old Mill replaced nobody in time and is suspended: it may not sell to new customers")
    assert (old_mill["allowed"], old_mill["customer"], old_mill["status"]) == (False, "new", "suspended")
    assert shows("Cedar is suspended ...")["status"] == "suspended"
    assert shows("... though at noon on")["status"] == "compliant"
    later = shows("... and is known now to have been suspended already")
    assert (later["status"], later["at"]) == ("suspended", "2024-03-05T12:00:00Z")
    jude = shows("Jude's certification has lapsed: maintenance for a portal change was due and is not complete")
    assert (jude["certified"], jude["reasons"][0]["rule"]) == (False, "R26")
    northgate = shows("What made Northgate what it is, in order; Ben is certified from his exam on, by a correction")
    assert northgate["entries"] == sorted(northgate["entries"], key=lambda entry: str(entry["at"]))
    assert northgate["next"] is None
    of_ben = [entry for entry in northgate["entries"] if entry.get("data", {}).get("consultant_id") == "ben"]
    (ben,) = [entry for entry in of_ben if "consultant-certified" in entry["type"]]
    (period,) = ben["data"]["periods"]
    behind = [system.http.get(f"/certification/v1/facts/{fact_id}").json() for fact_id in period["start_facts"]]
    kinds = {fact["type"].rpartition("cloud.")[2]: fact["effective_at"] for fact in behind}
    assert {"score-corrected.v1", "attempt-scored.v1"} <= set(kinds)
    assert period["from"] == kinds["attempt-scored.v1"] < kinds["score-corrected.v1"]
    assert [window["partner_id"] for window in shows("Who has a replacement to find, soonest")["windows"]] == [
        "harbour"
    ]
    suspensions = shows("The suspensions, as subscribers receive them")
    assert [event["subject"] for event in suspensions] == ["oldmill", "cedar"]
    assert list(captions) == []


def test_every_caption_says_what_its_answer_shows(told: System) -> None:
    check_captions(told, asked_as_shown(told, live=True))


def test_the_last_command_closes_the_window(told: System) -> None:
    *_, caption, call, _body, end = commands(told.url, None, PRESENT.date(), live=True).split("\n")
    assert caption.endswith("hire Olga, who is certified, and ask the first question again: the window is closed")
    assert ("partners/harbour/consultants" in call, end) == (True, "")
    answer = told.record("partners/harbour/consultants", "mine-1", consultant_id="olga")
    asked = compliance(told, "harbour", "S200P", min_position=answer.json()["position"])
    assert (asked["status"], [window["outcome"] for window in asked["windows"]]) == ("compliant", ["closed"])


def test_a_story_told_before_is_asked_about_as_of_its_day(told: System) -> None:
    """Somebody was hired meanwhile, and time went on: the captions hold still."""
    shown = commands(told.url, None, PRESENT.date(), live=False)
    assert f"They ask about {PRESENT.date().isoformat()}, the present day of the story." in shown
    assert "ask the first question again, without its query: Olga is counted" in shown
    assert "olga" in compliance(told, "harbour", "S200P")["counted"]
    check_captions(told, asked_as_shown(told, live=False))


def test_a_told_story_whose_clock_was_stopped_is_left_alone(told: System) -> None:
    stopped_at = (PRESENT + timedelta(days=1)).isoformat()
    told.set_clock(stopped_at)
    assert seed(Caller(told.url, None), PRESENT, print) is SeedResult.BEFORE
    assert told.http.get("/sandbox/v1/clock").json() == {"now": stopped_at.replace("+00:00", "Z"), "running": False}


def test_a_story_that_was_interrupted_is_posted_again(system: System) -> None:
    def interrupt(line: str) -> None:
        if "posting" in line and system.http.get("/certification/v1/events?after=0&limit=1").json():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seed(Caller(system.url, None), PRESENT, interrupt)
    assert seed(Caller(system.url, None), PRESENT, print) is SeedResult.NOW
    assert compliance(system, "harbour", "S200P")["status"] == "in_window"


def test_a_sandbox_with_something_else_in_it_is_left_alone(system: System) -> None:
    system.record("partners", "mine", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
    assert seed(Caller(system.url, None), PRESENT, print) is SeedResult.SOMETHING_ELSE
    assert len(system.http.get("/certification/v1/events", params={"after": 0}).json()) == 1
