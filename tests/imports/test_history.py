"""Facts that are loaded afterwards say so, and so do the events that follow; an endpoint can leave them out."""

import json
from typing import Any, Final

import httpx

from tests.systems import System

NOW: Final = "2026-06-30T09:00:00Z"
LOSS: Final = "2026-06-10T12:00:00Z"
START: Final = "2026-01-05T12:00:00Z"
PREFIX: Final = "/certification/v1/"


def line(path: str, key: str, **body: Any) -> dict[str, Any]:
    return {"path": PREFIX + path, "idempotency_key": key, "body": body}


def load(system: System, *lines: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    """The answers to a batch."""
    content = b"\n".join(json.dumps(each).encode() for each in lines)
    headers = {"Content-Type": "application/x-ndjson"}
    response = system.http.post("/certification/v1/batches", params=query, content=content, headers=headers)
    assert response.status_code == 200, response.text
    answers = [json.loads(answer) for answer in response.text.splitlines()]
    assert all(answer["status"] < 300 for answer in answers), answers
    return answers


TEAM: Final = (
    line("partners", "e", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS", effective_at=START),
    *(
        made
        for person in ("C1", "C2")
        for made in (
            line("partners/P1/consultants", f"l-{person}", consultant_id=person, effective_at=START),
            line("course-completions", f"c-{person}", consultant_id=person, product="S200P", effective_at=START),
            line(
                "exam-registrations", f"r-{person}", registration_id=f"R-{person}", consultant_id=person,
                product="S200P", effective_at=START,
            ),
            line(f"exam-registrations/R-{person}/attempts", f"a-{person}", attempt=1, score="90", effective_at=START),
        )
    ),
)  # fmt: skip


def feed(system: System, service: str) -> list[dict[str, Any]]:
    """The whole feed, once everything is applied."""
    facts: list[dict[str, Any]] = system.http.get("/certification/v1/events?limit=1000").json()
    if service == "certification":
        return facts
    system.http.get(f"/compliance/v1/partners/P1?min_position={facts[-1]['position']}").raise_for_status()
    events: list[dict[str, Any]] = system.http.get("/compliance/v1/events?limit=1000").json()
    return events


def dry_run(system: System, endpoint: str) -> list[dict[str, Any]]:
    """The messages that the endpoint would be sent from the beginning."""
    url = f"/compliance/v1/webhook-endpoints/{endpoint}/dry-runs"
    response = system.http.post(url, json={"from": "origin", "limit": 100})
    assert response.status_code == 200, response.text
    messages: list[dict[str, Any]] = response.json()["messages"]
    return messages


def registered(system: System, **settings: Any) -> httpx.Response:
    headers = {"Idempotency-Key": f"endpoint-{json.dumps(settings, sort_keys=True)[:200]}".replace(" ", "")}
    body = {"url": "http://127.0.0.1:9/", **settings}
    return system.http.post("/compliance/v1/webhook-endpoints", json=body, headers=headers)


def test_a_loaded_fact_and_what_is_decided_of_it_say_so(system: System) -> None:
    system.reset(NOW)
    load(system, *TEAM, history="true")
    facts = feed(system, "certification")
    assert len(facts) == len(TEAM) + 2, "two certifications are decided"
    assert all(fact["history"] is True for fact in facts)
    found = system.http.get("/certification/v1/facts?idempotency_key=a-C1").json()
    assert found["history"] is True
    assert {event["data"]["history"] for event in feed(system, "compliance")} == {True}


def test_the_mark_is_no_part_of_what_a_key_stands_for(system: System) -> None:
    """The first call decides; a repeated one replays, marked or not."""
    system.reset(NOW)
    first = load(system, *TEAM[:2])
    again = load(system, *TEAM[:2], history="true")
    assert [answer["body"] for answer in again] == [answer["body"] for answer in first]
    assert all(answer["replayed"] for answer in again)
    assert not any("history" in fact for fact in feed(system, "certification"))


def test_an_endpoint_that_leaves_history_out_is_told_the_rest_without_gaps(system: System) -> None:
    system.reset(NOW)
    everything = registered(system).json()
    present = registered(system, filter={"history": False}).json()
    assert present["filter"] == {"types": None, "partner_ids": None, "products": None, "history": False}
    load(system, *TEAM, history="true")
    load(system, line("partners/P1/departures", "d", consultant_id="C2", effective_at=LOSS))
    load(system, line("partners/P1/departures", "d2", consultant_id="C1", effective_at=LOSS), history="true")
    events = feed(system, "compliance")
    told = dry_run(system, present["endpoint_id"])
    assert [message["sequence"] for message in told] == list(range(1, len(told) + 1))
    assert [message["id"] for message in told] == [e["id"] for e in events if "history" not in e["data"]]
    assert 0 < len(told) < len(dry_run(system, everything["endpoint_id"])) == len(events)
    url = f"/compliance/v1/webhook-endpoints/{present['endpoint_id']}"
    changed = system.http.patch(url, json={"filter": {"history": None}}).json()
    assert changed["filter"] is None
    assert changed["health"]["epoch"] == 2


def test_a_filter_is_nothing_but_false_or_null(system: System) -> None:
    refused = registered(system, filter={"history": True})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["parameter"] == "filter.history"
