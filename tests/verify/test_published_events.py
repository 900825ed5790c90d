"""What was published long ago is derived as it was published: before events named a policy, and since."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sagecert_verify.derive.logged_fact import instant_of, read_fact
from sagecert_verify.derive.partner import PartnerDerivation
from sagecert_verify.derive.step_events import Stated
from tests.oracle.histories import PRODUCTS

FOLDERS = sorted((Path(__file__).parents[1] / "contract" / "golden_replay").iterdir())
END = datetime(2022, 8, 1, tzinfo=UTC)
Line = Mapping[str, Any]


def lines(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def stated(events: list[Line], positions: Mapping[str, int]) -> Stated:
    since, without_policy = {}, set()
    for event in events:
        data = json.loads(event["data"])
        step = instant_of(event["recorded_at"]), positions.get(data.get("fact_ids", [""])[0], 0)
        if event["type"].endswith("standing-changed.v1"):
            since[*step, data["products"][0]] = instant_of(event["effective_at"])
        if "policy_id" not in data:
            without_policy.add(step)
    return Stated(since, without_policy)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_is_derived_byte_for_byte(folder: Path) -> None:
    rows, events = lines(folder / "facts.jsonl"), lines(folder / "compliance_events.jsonl")
    found = [read_fact(row["position"], row["append_position"], row["topic"], row["state"].encode()) for row in rows]
    facts = [fact for fact in found if fact is not None]
    positions = {fact.fact_id: fact.append_position for fact in facts}
    for partner in sorted({event["partner_id"] for event in events}):
        own = [event for event in events if event["partner_id"] == partner]
        derived = list(PartnerDerivation(partner, PRODUCTS).derive(facts, END, stated(own, positions)))
        assert [(event.event_id, event.data.decode()) for event in derived] == [
            (event["event_id"], event["data"]) for event in own
        ]
