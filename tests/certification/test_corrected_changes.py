"""What a caller is answered to a correction of a portal change (R38)."""

from typing import Any

import httpx

from tests.certification.caller import Caller, kind_of

ANNOUNCED = "2022-03-01T09:00:00Z"
CHANGE: dict[str, Any] = {
    "portal_change_id": "CH1",
    "products": ["S200P"],
    "significant": True,
    "due_on": "2022-03-31",
    "summary": "a change",
    "effective_at": ANNOUNCED,
}


async def correct(caller: Caller, change: str = "CH1", **terms: Any) -> httpx.Response:
    return await caller.post(f"portal-changes/{change}/corrections", reason="announced wrongly by Ada", **terms)


async def test_a_correction_is_recorded_with_its_terms_alone(caller: Caller) -> None:
    await caller.post("portal-changes", **CHANGE)
    answer = await correct(caller, due_on="2099-03-31")
    assert (answer.status_code, "waits_for" in answer.json()) == (201, False)
    recorded = (await caller.log())[-1]
    assert recorded["type"] == "com.sage.partnercloud.portal-change-corrected.v1"
    assert recorded["subject"] == "portal_change-CH1"
    assert set(recorded["data"]) == {"portal_change_id", "due_on", "reason_hash"}
    assert "Ada" not in str(recorded)
    shown = await caller.get(f"facts/{answer.json()['fact_id']}")
    assert shown["free_text"] == "announced wrongly by Ada"


async def test_a_correction_waits_for_its_change_and_again_after_its_void(caller: Caller) -> None:
    """R35, R33."""
    held = await correct(caller, significant=False)
    assert (held.status_code, held.json()["waits_for"]) == (202, {"portal_change_id": "CH1"})
    declared = (await caller.post("portal-changes", **CHANGE)).json()
    assert (await correct(caller, significant=True)).status_code == 201
    await caller.post(f"facts/{declared['fact_id']}/void", reason="x")
    assert (await correct(caller, products=["S200S"])).status_code == 202


async def test_a_correction_can_be_voided_and_the_same_again_is_another_fact(caller: Caller) -> None:
    await caller.post("portal-changes", **CHANGE)
    first, second = await correct(caller, significant=False), await correct(caller, significant=False)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["fact_id"] != second.json()["fact_id"]
    for answer in (first, second):
        assert (await caller.post(f"facts/{answer.json()['fact_id']}/void", reason="x")).status_code == 201


async def test_every_refusal_says_what_is_wrong(caller: Caller) -> None:
    await caller.post("portal-changes", **(CHANGE | {"effective_at": "2098-01-01T00:00:00Z", "due_on": "2098-02-01"}))
    too_early = "corrected-due-day-too-early"
    for terms, kind, rule in (
        ({}, "no-term-corrected", "R38"),
        ({"due_on": None, "products": None}, "no-term-corrected", "R38"),
        ({"due_on": "2022-01-01"}, too_early, "R38"),
        ({"due_on": "2097-12-31"}, too_early, "R38"),
        ({"due_on": "2022-01-01", "effective_at": "2022-01-02T00:00:00Z"}, too_early, "R38"),
        ({"significant": True, "effective_at": "2098-01-01T00:00:00Z"}, "dated-in-the-future", "R36"),
        ({"products": ["S200X"]}, "unknown-product", "R2"),
        ({"products": []}, "malformed-request", None),
        ({"products": ["S200P", "S200P"]}, "malformed-request", None),
        ({"due_on": "31.03.2098"}, "malformed-request", None),
        ({"significant": "yes"}, "malformed-request", None),
        ({"summary": "another"}, "malformed-request", None),
    ):
        answer = await correct(caller, **terms)
        assert (answer.status_code, kind_of(answer), answer.json().get("rule")) == (422, kind, rule), terms
    assert (await correct(caller, due_on="2098-01-01")).status_code == 201
    assert len(await caller.log()) == 2
