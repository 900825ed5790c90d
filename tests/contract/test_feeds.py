"""What the running system sends is what is published: both feeds, every fact and compliance event."""

from typing import Any

import pytest

from shared.events.compliance_events import TYPE_OF
from shared.events.facts import SYSTEM, TOPIC_OF, TOPICS
from tests.contract.message_validators import validator
from tests.systems import System

EVERYTHING: list[tuple[str, str, dict[str, Any]]] = [
    ("2022-01-10T09:00:00Z", "partners", {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS"}),
    ("", "partners", {"partner_id": "P2", "kind": "DEVELOPER", "programme": "PARTNER_SUCCESS_PLUS"}),
    ("", "partners", {"partner_id": "P3", "kind": "VAR", "programme": "PARTNER_SUCCESS"}),
    ("", "partners/P1/consultants", {"consultant_id": "C1"}),
    ("", "partners/P1/consultants", {"consultant_id": "C2"}),
    ("", "course-completions", {"consultant_id": "C1", "product": "S200P"}),
    ("", "exam-registrations", {"registration_id": "X1", "consultant_id": "C1", "product": "S200P"}),
    ("", "exam-registrations/X1/attempts", {"attempt": 1, "score": "84.5"}),
    ("", "recognised-certifications", {"consultant_id": "C2", "product": "S200P", "evidence": "seen on paper"}),
    (
        "2022-02-01T09:00:00Z",
        "portal-changes",
        {
            "portal_change_id": "CH1",
            "products": ["S200P"],
            "significant": True,
            "due_on": "2022-03-31",
            "summary": "A new billing model",
        },
    ),
    ("", "course-completions", {"consultant_id": "C1", "product": "S200P", "portal_change_id": "CH1"}),
    (
        "",
        "exam-registrations",
        {"registration_id": "X2", "consultant_id": "C1", "product": "S200P", "portal_change_id": "CH1"},
    ),
    ("", "exam-registrations/X2/attempts", {"attempt": 1, "score": "90"}),
    ("2022-05-20T09:00:00Z", "partners/P2/consultants", {"consultant_id": "C1"}),
    ("2022-05-21T09:00:00Z", "partners/P2/departures", {"consultant_id": "C1", "reason": "was a mistake"}),
    ("", "recognised-certifications", {"consultant_id": "C2", "product": "S200P"}),
    ("", "exam-registrations/X1/attempts/1/corrections", {"score": "78", "reason": "marked wrongly"}),
    ("", "certification-revocations", {"consultant_id": "C2", "product": "S200P", "reason": "by request"}),
    ("", "partners/P1/kind-changes", {"kind": "DEVELOPER"}),
    ("", "partners/P1/programme-changes", {"programme": "NONE"}),
    ("", "partners/P2/closure", {}),
    ("", "partners/P3/merger", {"into": "P1"}),
    ("", "portal-changes/CH1/corrections", {"due_on": "2022-06-30", "reason": "postponed"}),
    ("", "policy-revisions", {"policy_id": "2022-05", "window_days": 45, "reason": "decided by Sage"}),
]
"""(the clock, where it moves; path; body) of one fact of every kind, with what follows from them."""


@pytest.fixture
def told(system: System) -> System:
    """The system, having been told everything."""
    tell_everything(system)
    return system


def tell_everything(system: System) -> None:
    """One fact of every kind, a void, and time enough for what follows from them."""
    for number, (clock, path, body) in enumerate(EVERYTHING):
        if clock:
            system.set_clock(clock)
        answer = system.record(path, f"key-{number}", **body)
        assert answer.status_code == 201, answer.text
    voided = system.http.get("/certification/v1/facts", params={"idempotency_key": "key-14"}).json()["fact_id"]
    assert system.record(f"facts/{voided}/void", "void", reason="never happened").status_code == 201
    system.set_clock("2022-06-01T00:00:00Z")


def feed(system: System, service: str) -> list[dict[str, Any]]:
    """The whole feed, read in pages of seven."""
    events: list[dict[str, Any]] = []
    while True:
        after = events[-1]["position"] if events else 0
        answer = system.http.get(f"/{service}/v1/events", params={"after": after, "limit": 7})
        assert answer.headers["content-type"] == "application/cloudevents-batch+json"
        page = answer.json()
        if not page:
            return events
        events += page


def test_every_fact_is_sent_as_published(told: System) -> None:
    facts = feed(told, "certification")
    for fact in facts:
        validator(fact["type"]).validate(fact)
    assert [fact["position"] for fact in facts] == list(range(1, len(facts) + 1))
    assert {fact["type"] for fact in facts} == set(TOPICS) - {TOPIC_OF[cls] for cls in SYSTEM}


def test_compliance_events_are_sent_as_published(told: System) -> None:
    events = feed(told, "compliance")
    for event in events:
        validator(event["type"]).validate(event)
    assert [event["position"] for event in events] == list(range(1, len(events) + 1))
    assert {event["type"] for event in events} == set(TYPE_OF.values())


def test_whoever_takes_the_events_in_order_holds_the_answers(told: System) -> None:
    standings: dict[tuple[str, str], dict[str, Any]] = {}
    for event in feed(told, "compliance"):
        for standing in event["data"]["standings"]:
            standings[event["subject"], standing["product"]] = standing
    assert {partner for partner, _ in standings} == {"P1", "P2", "P3"}
    for (partner, product), standing in standings.items():
        answer = told.http.get(f"/compliance/v1/partners/{partner}/compliance/{product}").json()
        assert {name: answer[name] for name in standing} == standing


def test_nothing_that_names_a_person_is_sent(told: System) -> None:
    """Reasons and evidence stay beside the facts (docs/decisions/0009)."""
    sent = str(feed(told, "certification")) + str(feed(told, "compliance"))
    for text in ("seen on paper", "was a mistake", "marked wrongly", "by request", "never happened"):
        assert text not in sent
