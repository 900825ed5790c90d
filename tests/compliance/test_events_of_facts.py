"""What a fact led to."""

from typing import Any

from tests.systems import System


def led_to(system: System, recorded: dict[str, Any], **query: Any) -> dict[str, Any]:
    answer = system.http.get(
        f"/compliance/v1/facts/{recorded['fact_id']}/events", params={"min_position": recorded["position"], **query}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def kinds(answer: dict[str, Any]) -> list[str]:
    return [event["type"].split(".")[-2] for event in answer["events"]]


def test_the_events_that_a_fact_led_to_are_those_derived_from_it(system: System) -> None:
    system.record("partners", "k1", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
    for person in ("C1", "C2"):
        system.record("recognised-certifications", f"r-{person}", consultant_id=person, product="S200P")
        system.record("partners/P1/consultants", f"l-{person}", consultant_id=person)
    system.set_clock("2022-02-01T09:00:00Z")
    left = system.record("partners/P1/departures", "k2", consultant_id="C1").json()
    answer = led_to(system, left)
    assert (answer["applied"], answer["next"]) == (True, None)
    log = system.http.get("/compliance/v1/events", params={"limit": 1000}).json()
    assert answer["events"] == log[-len(answer["events"]) :]
    assert "replacement-window-opened" in kinds(answer)
    for event in answer["events"]:
        assert system.http.get(f"/compliance/v1/events/{event['id']}").json() == event
    assert system.http.get("/compliance/v1/events/none").status_code == 404
    paged: list[Any] = []
    after: int | None = 0
    while after is not None:
        page = led_to(system, left, after=after, limit=1)
        paged, after = paged + page["events"], page["next"]
    assert paged == answer["events"]
    void = system.record(f"facts/{left['fact_id']}/void", "k3", reason="recorded for another person").json()
    retractions = led_to(system, void)["events"]
    retracted = {event["data"]["retracts"]["event_id"] for event in retractions if "retracts" in event["data"]}
    assert retracted
    assert retracted <= {event["id"] for event in answer["events"]}
    assert led_to(system, left)["events"] == answer["events"]


def test_a_fact_that_changed_nothing_led_to_nothing_and_an_unknown_one_is_not_found(system: System) -> None:
    course = system.record("course-completions", "k1", consultant_id="C1", product="S200P").json()
    assert (led_to(system, course)["events"], led_to(system, course)["applied"]) == ([], True)
    assert system.http.get("/compliance/v1/facts/none/events").status_code == 404
