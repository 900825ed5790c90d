"""The compliance events recorded last, newest first."""

from collections import Counter
from typing import Any

import pytest

from tests.systems import System

EVENTS = "/compliance/v1/recorded-events"


@pytest.fixture
def log(system: System) -> list[dict[str, Any]]:
    """The whole log: two partners are enrolled in January, one of them changes at the midnight that begins February."""
    for partner in ("P1", "P2"):
        last = system.record("partners", f"k-{partner}", partner_id=partner, kind="VAR", programme="PARTNER_SUCCESS")
    system.set_clock("2022-02-01T00:00:00Z")
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
    since = [event for event in log[::-1] if event["recordedtime"] >= "2022-02-01T00:00:00Z"]
    assert since
    for begin in ("2022-02-01T00:00:00Z", "2022-02-01"):
        assert _asked(system, recorded_from=begin)["events"] == since
    assert _asked(system, recorded_from="2022-02-02")["events"] == []


def test_they_are_of_some_types_and_partners(system: System, log: list[dict[str, Any]]) -> None:
    assert _asked(system, partner_id="P2")["events"] == [event for event in log[::-1] if event["subject"] == "P2"]
    assert _asked(system, type="selling-suspended")["events"] == []
    assert system.http.get(EVENTS, params={"type": "no-such"}).status_code == 422


def _counted(events: list[dict[str, Any]], since: str) -> dict[str, int]:
    return dict(Counter(event["type"] for event in events if event["recordedtime"] >= since))


def test_events_are_counted_by_type_since_each_instant(system: System, log: list[dict[str, Any]]) -> None:
    since = ("2022-02-01T00:00:00Z", "2022-02-01", "2022-02-02", "2020-01-01")
    answer = system.http.get(f"{EVENTS}/counts", params={"recorded_from": since, "newest": 2}).json()
    expected = [_counted(log, instant) for instant in since]
    assert [{count["type"]: count["count"] for count in counts["types"]} for counts in answer["counts"]] == expected
    assert expected[1] != expected[3] != {}
    assert not any(count["more"] for counts in answer["counts"] for count in counts["types"])
    assert answer["newest"] == log[::-1][:2]
    (ever,) = system.http.get(f"{EVENTS}/counts").json()["counts"]
    assert (ever["recorded_from"], len(ever["types"])) == (None, len(expected[3]))


def test_counts_and_newest_are_of_the_types_that_are_asked_for(system: System, log: list[dict[str, Any]]) -> None:
    kind = log[-1]["type"]
    answer = system.http.get(f"{EVENTS}/counts", params={"type": kind, "newest": 50, "recorded_from": "2022-02-01"})
    found = answer.json()
    own = [event for event in log[::-1] if event["type"] == kind and event["recordedtime"] >= "2022-02-01"]
    assert found["counts"][0]["types"] == [{"type": kind, "count": len(own), "more": False}]
    assert found["newest"] == own
    short = kind.split(".")[-2]
    assert system.http.get(f"{EVENTS}/counts", params={"type": short}).json()["newest"] == []


@pytest.mark.parametrize(
    "query", ["type=no-such", "newest=51", "recorded_from=x", "&".join(["recorded_from=2022-02-01"] * 5)]
)
def test_counts_that_cannot_be_asked_for_are_refused(system: System, query: str) -> None:
    assert system.http.get(f"{EVENTS}/counts?{query}").status_code == 422
