"""A conflict with a recorded fact shows that fact, so that the caller sees the difference (R33, R34)."""

from typing import Any

import httpx
import pytest

from tests.certification.caller import Caller

DUE: dict[str, Any] = {"products": ["S200P"], "significant": True, "due_on": "2026-09-01", "summary": "x"}


async def first_and_conflicting(caller: Caller, what: str) -> tuple[httpx.Response, httpx.Response]:
    """Two calls of which the second contradicts what the first recorded."""
    match what:
        case "score":
            return await caller.score("R1", 1, "82"), await caller.score("R1", 1, "78")
        case "registration":
            return await caller.register("R1", "C1"), await caller.register("R1", "C2")
        case "portal change":
            change = {"portal_change_id": "W1", **DUE, "effective_at": "2026-01-05T09:00:00Z"}
            return await caller.post("portal-changes", **change), await caller.post(
                "portal-changes", **{**change, "summary": "y"}
            )
        case "policy":
            policy: dict[str, Any] = {"policy_id": "2026-1", "reason": "decided"}
            return await caller.post("policy-revisions", **policy, window_days=31), await caller.post(
                "policy-revisions", **policy, window_days=32
            )
        case _:
            recorded = (await caller.course()).json()["fact_id"]
            voids = [await caller.post(f"facts/{recorded}/void", reason="in error") for _ in range(2)]
            return voids[0], voids[1]


@pytest.mark.parametrize("what", ["score", "registration", "portal change", "policy", "void"])
async def test_a_conflict_carries_the_fact_that_is_recorded(caller: Caller, what: str) -> None:
    first, conflicting = await first_and_conflicting(caller, what)
    assert (first.status_code // 100, conflicting.status_code) == (2, 409), conflicting.text
    problem = conflicting.json()
    fact = await caller.get(f"facts/{first.json()['fact_id']}")
    assert problem["fact_id"] == fact["fact_id"]
    shown = ("fact_id", "type", "effective_at", "recorded_at", "data")
    assert problem["recorded"] == {name: fact[name] for name in shown}
