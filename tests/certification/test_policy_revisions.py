"""Revisions of the policy as callers record them (R33, R34, R39)."""

import json
from typing import Any

import pytest

from tests.certification.caller import PREFIX, Caller, kind_of

REVISIONS = "policy-revisions"
WHOLE: dict[str, Any] = {
    "window_days": 45,
    "minimum": {"VAR": 3, "DEVELOPER": 2},
    "programmes": ["PARTNER_SUCCESS", "PARTNER_ELITE"],
    "reminder_days": [14, 3],
}
REASON = {"reason": "decided by Sage"}
LONG_AGO, LATER = "2022-01-13T11:00:00Z", "2099-01-01T00:00:00Z"


async def revise(caller: Caller, policy_id: str = "2099-01", **said: Any) -> Any:
    return await caller.post(REVISIONS, policy_id=policy_id, **{**REASON, **said})


async def test_a_revision_is_a_fact_that_names_only_what_it_changes(caller: Caller) -> None:
    for policy_id, terms in (("p1", WHOLE), ("p2", {"minimum": {"VAR": 3}}), ("p3", {"reminder_days": []})):
        answer = await revise(caller, policy_id, **terms)
        fact = await caller.get(f"facts/{answer.json()['fact_id']}")
        assert answer.status_code == 201
        assert {name: fact["data"][name] for name in terms} == terms
        assert set(fact["data"]) == {"policy_id", "reason_hash", *terms}
        assert fact["effective_at"] == fact["recorded_at"]
        assert fact["free_text"] == REASON["reason"]


async def test_it_takes_effect_when_recorded_or_later_and_never_earlier(caller: Caller) -> None:
    early = await revise(caller, **WHOLE, effective_at=LONG_AGO)
    assert (early.status_code, kind_of(early), early.json()["rule"]) == (422, "revised-before-recording", "R39")
    later = await revise(caller, **WHOLE, effective_at=LATER)
    assert (later.status_code, later.json()["effective_at"]) == (201, LATER)


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"window_days": None},
        {"window_days": 0},
        {"window_days": 367},
        {"window_days": "45"},
        {"window_days": 45.0},
        {"window_days": True},
        {"minimum": {}},
        {"minimum": {"VAR": None}},
        {"minimum": {"VAR": 0}},
        {"minimum": {"VAR": 100}},
        {"minimum": {"RESELLER": 2}},
        {"minimum": 3},
        {"programmes": []},
        {"programmes": ["elite"]},
        {"programmes": ["NONE"]},
        {"programmes": ["PARTNER_ELITE", "PARTNER_ELITE"]},
        {"programmes": [f"PROGRAMME_{number}" for number in range(21)]},
        {"reminder_days": [0]},
        {"reminder_days": [366]},
        {"reminder_days": [7, 7]},
        {"reminder_days": list(range(1, 12))},
        {"products": ["S200P"]},
    ],
)
async def test_what_is_no_revision_is_refused(caller: Caller, terms: dict[str, Any]) -> None:
    answer = await revise(caller, **terms)
    assert (answer.status_code, kind_of(answer)) == (422, "malformed-request")
    assert await caller.log() == []


@pytest.mark.parametrize(
    "terms",
    [
        {"window_days": 1},
        {"window_days": 366},
        {"minimum": {"DEVELOPER": 99}},
        {"programmes": [f"PROGRAMME_{number}" for number in range(20)]},
        {"reminder_days": list(range(356, 366))},
    ],
)
async def test_the_bounds_are_acceptable(caller: Caller, terms: dict[str, Any]) -> None:
    assert (await revise(caller, **terms)).status_code == 201


async def test_a_reason_is_needed(caller: Caller) -> None:
    answer = await caller.post(REVISIONS, policy_id="p1", **WHOLE)
    assert (answer.status_code, kind_of(answer)) == (422, "malformed-request")


async def test_an_id_stands_for_one_content_whatever_its_reason(caller: Caller) -> None:
    first = await revise(caller, **WHOLE, effective_at=LATER)
    again = await revise(caller, **WHOLE, effective_at=LATER, reason="the same, in other words")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await revise(caller, **WHOLE)).content == first.content
    for other in (
        await revise(caller, **{**WHOLE, "window_days": 46}),
        await revise(caller, window_days=45),
        await revise(caller, **WHOLE, effective_at="2099-01-02T00:00:00Z"),
    ):
        assert (other.status_code, kind_of(other), other.json()["rule"]) == (409, "other-content-recorded", "R34")
        assert other.json()["fact_id"] == first.json()["fact_id"]


async def test_the_id_of_the_first_policy_is_taken(caller: Caller) -> None:
    answer = await revise(caller, "2021-08", **WHOLE)
    assert (answer.status_code, kind_of(answer)) == (409, "other-content-recorded")
    assert await caller.log() == []


async def test_a_repeated_call_is_answered_though_its_instant_has_passed(caller: Caller) -> None:
    first = await revise(caller, key="k1", **WHOLE)
    assert (await revise(caller, key="k1", **WHOLE)).content == first.content
    other = await revise(caller, key="k1", window_days=46)
    assert (other.status_code, kind_of(other)) == (422, "idempotency-key-reused")


async def test_a_void_leaves_the_id_free(caller: Caller) -> None:
    first = (await revise(caller, **WHOLE)).json()
    void = await caller.post(f"facts/{first['fact_id']}/void", **REASON)
    second = await revise(caller, window_days=60)
    assert (void.status_code, second.status_code) == (201, 201)
    assert second.json()["fact_id"] != first["fact_id"]


async def test_a_refused_programme_is_answered_with_those_in_force(caller: Caller) -> None:
    """R11: not those of a revision that is to come, nor of one that is voided."""
    revision = (await revise(caller, programmes=["PARTNER_ELITE", "PARTNER_SUCCESS"])).json()
    await revise(caller, "later", programmes=["PARTNER_LATER"], effective_at=LATER)
    refused = {"partner_id": "P1", "kind": "VAR", "programme": "Partner Elite"}
    batch = json.dumps({"path": PREFIX + "partners", "idempotency_key": "line", "body": refused})
    ndjson = {"Content-Type": "application/x-ndjson"}
    line = await caller.http.post(PREFIX + "batches", content=batch, headers=ndjson)
    for answer in (await caller.post("partners", **refused), line):
        assert "those that enrol are PARTNER_ELITE and PARTNER_SUCCESS, and NONE means none" in answer.text
        assert "PARTNER_LATER" not in answer.text
    await caller.post(f"facts/{revision['fact_id']}/void", **REASON)
    answer = await caller.post("partners", **refused)
    assert "those that enrol are PARTNER_SUCCESS and PARTNER_SUCCESS_PLUS, and NONE" in answer.json()["detail"]
