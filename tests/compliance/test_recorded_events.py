"""The compliance events recorded last, newest first."""

from typing import Any

import pytest

from tests.systems import System

EVENTS = "/compliance/v1/recorded-events"


@pytest.fixture
def log(system: System) -> list[dict[str, Any]]:
    """The whole log: two partners are enrolled in January, one of them changes in February."""
    for partner in ("P1", "P2"):
        last = system.record("partners", f"k-{partner}", partner_id=partner, kind="VAR", programme="PARTNER_SUCCESS")
    system.set_clock("2022-02-01T09:00:00Z")
    last = system.record("partners/P1/kind-changes", "k3", kind="DEVELOPER")
    query: dict[str, Any] = {"limit": 1000, "min_position": last.json()["position"]}
    events: list[dict[str, Any]] = system.http.get("/compliance/v1/events", params=query).json()
    return events


def _asked(system: System, **query: Any) -> dict[str, Any]:
    answer = system.http.get(EVENTS, params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_the_pages_joined_are_the_log_backwards(system: System, log: list[dict[str, Any]]) -> None:
    page = _asked(system, limit=2)
    found = page["events"]
    while page["next"] is not None:
        page = _asked(system, limit=2, after=page["next"])
        found += page["events"]
    assert found == log[::-1]


def test_they_go_back_to_an_instant_or_to_the_midnight_that_begins_a_day(
    system: System, log: list[dict[str, Any]]
) -> None:
    since = [event for event in log[::-1] if event["recordedtime"] >= "2022-02-01T09:00:00Z"]
    assert since
    for begin in ("2022-02-01T09:00:00Z", "2022-02-01"):
        assert _asked(system, recorded_from=begin)["events"] == since
    assert _asked(system, recorded_from="2022-02-02")["events"] == []


def test_they_are_of_some_types_and_partners(system: System, log: list[dict[str, Any]]) -> None:
    assert _asked(system, partner_id="P2")["events"] == [event for event in log[::-1] if event["subject"] == "P2"]
    assert _asked(system, type="selling-suspended")["events"] == []
    assert system.http.get(EVENTS, params={"type": "no-such"}).status_code == 422
