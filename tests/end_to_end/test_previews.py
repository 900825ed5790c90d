"""What a preview foretells is what happens when the facts are then recorded."""

import json
from typing import Any

import pytest

from tests.end_to_end.client import FactClient
from tests.oracle.histories import seeded
from tests.oracle.rules import facts
from tests.oracle.rules.facts import Fact
from tests.systems import System

BATCHES = "/certification/v1/batches"
PREVIEWS = "/compliance/v1/previews"
Answer = dict[str, Any]


def checked(client: FactClient, fact: Fact) -> Answer:
    """How the report would be answered, with the facts that it would become."""
    path, body = client._call(fact)
    line = json.dumps({"path": path, "idempotency_key": f"try-{fact.fact_id}", "body": body})
    asked = {"validate_only": "true", "show_facts": "true"}
    response = client.system.http.post(
        BATCHES, content=line, params=asked, headers={"Content-Type": "application/x-ndjson"}
    )
    answer: Answer = json.loads(response.text)
    return answer


def previewed(client: FactClient, supposed: list[Answer]) -> list[Answer]:
    """Every page of the preview."""
    pages: list[Answer] = []
    while not pages or pages[-1]["next"] is not None:
        after = {"after": pages[-1]["next"]} if pages else {}
        response = client.system.http.post(PREVIEWS, json={"facts": supposed, "limit": 3, **after})
        assert response.status_code == 200, response.text
        pages.append(response.json())
    return pages


def told_since(client: FactClient, after: int) -> list[Answer]:
    """The compliance events after a position."""
    asked = {"after": after, "limit": 1000, "min_position": client.position}
    response = client.system.http.get("/compliance/v1/events", params=asked)
    assert response.status_code == 200, response.text
    events: list[Answer] = response.json()
    return events


def by_partner(events: list[tuple[str, Answer]]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for partner, event in events:
        found.setdefault(partner, []).append(event)
    return found


MEMBERS = ("products", "consultant_id", "portal_change_id", "due_on", "window", "retracts")


def as_previewed(event: Answer) -> tuple[str, Answer]:
    """The partner of a published event, and the event as a preview shows it."""
    data = event["data"]
    return data["partner_id"], {
        "type": event["type"],
        "effective_at": event["time"],
        **{name: data.get(name) for name in MEMBERS},
    }


@pytest.mark.parametrize("seed", [0, 1, 4, 6])
def test_what_a_preview_foretells_happens_when_the_fact_is_recorded(system: System, seed: int) -> None:
    history = seeded(seed)
    client = FactClient(system, history[0].recorded_at)
    foretold_in_all = last = 0
    for fact in history:
        client.wait_until(fact.recorded_at)
        if isinstance(fact, facts.FactVoided) and fact.voided not in client.fact_ids:
            continue
        timers = told_since(client, last)
        last += len(timers)
        supposed = checked(client, fact)
        pages = previewed(client, supposed["facts"]) if supposed["facts"] else []
        assert client.tell(fact).status_code == supposed["status"]

        events = told_since(client, last)
        last += len(events)
        foretold = [
            (partner["partner_id"], event)
            for page in pages
            for partner in page["partners"]
            for event in partner["events"]
        ]
        assert by_partner(foretold) == by_partner(list(map(as_previewed, events)))
        foretold_in_all += len(foretold)
        for partner in (partner for page in pages for partner in page["partners"]):
            _stands_as_foretold(client, partner)
    assert foretold_in_all >= 5


WINDOW = ("opened_at", "deadline_on", "deadline_at", "closed_at", "outcome")
SUMMARY = ("status", "sell_new", "headcount", "shortfall")


def _stands_as_foretold(client: FactClient, partner: Answer) -> None:
    for product in partner["products"]:
        path = f"/compliance/v1/partners/{partner['partner_id']}/compliance/{product['product']}"
        now = client.system.http.get(path, params={"min_position": client.position}).json()
        after = product["after"]["now"]
        assert {name: now[name] for name in SUMMARY} == {name: after[name] for name in SUMMARY}
        shown = [{name: window[name] for name in WINDOW} for window in now["windows"]]
        assert all(window in shown for window in after["windows"])
        assert set(product["gained"]) <= set(now["counted"])
        assert not set(product["lost"]) & set(now["counted"])
        for foreseen in product["after"]["ahead"][:1]:
            then = client.system.http.get(path, params={"at": foreseen["from"]}).json()
            assert {name: then[name] for name in SUMMARY} == {name: foreseen[name] for name in SUMMARY}
