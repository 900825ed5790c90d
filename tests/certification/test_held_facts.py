"""What waits, for what, and since when (R33, R35)."""

from random import Random
from typing import Any

import pytest

from tests.certification.caller import PREFIX, Caller
from tests.certification.test_batches import Singly, tell
from tests.oracle.histories import seeded


async def held(caller: Caller, limit: int = 200) -> list[dict[str, Any]]:
    """All pages of the list."""
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        answer = await caller.http.get(f"{PREFIX}held-facts", params={"after": after, "limit": limit})
        assert answer.status_code == 200, answer.text
        found += answer.json()["held_facts"]
        after = answer.json()["next"]
    return found


async def test_a_score_waits_until_its_registration_comes(caller: Caller) -> None:
    scored = (await caller.score("RO1", 1, "85")).json()
    (waiting,) = await held(caller)
    assert waiting["fact_id"] == scored["fact_id"]
    assert waiting["waits_for"]["registration_id"] == "RO1"
    assert waiting["since"] == scored["recorded_at"]
    await caller.register("RO1")
    assert await held(caller) == []


async def test_after_a_void_what_stood_on_it_waits_since_then(caller: Caller) -> None:
    registered = (await caller.register("R1")).json()
    await caller.score("R1", 1, "85")
    await caller.score("R1", 2, "86")
    assert await held(caller) == []
    void = (await caller.post(f"facts/{registered['fact_id']}/void", reason="another person")).json()
    waiting = await held(caller)
    assert [fact["position"] for fact in waiting] == [2, 3]
    assert {fact["since"] for fact in waiting} == {void["recorded_at"]}
    await caller.register("R1")
    assert await held(caller) == []


async def test_a_correction_waits_for_its_attempt(caller: Caller) -> None:
    await caller.register("R1")
    await caller.post("exam-registrations/R1/attempts/2/corrections", score="81", reason="marked again")
    (waiting,) = await held(caller)
    assert (waiting["waits_for"]["registration_id"], waiting["waits_for"]["attempt"]) == ("R1", 2)


def waiting_by_definition(log: list[dict[str, Any]]) -> set[int]:
    """Positions of the facts that are not voided and lack what they need."""
    voided = {fact["data"]["fact_id"] for fact in log if "fact-voided" in fact["type"]}
    stand = [fact for fact in log if fact["id"] not in voided]
    registered = {fact["data"]["registration_id"] for fact in stand if "exam-registered" in fact["type"]}
    declared = {fact["data"]["portal_change_id"] for fact in stand if "portal-change-declared" in fact["type"]}
    scored = {
        (fact["data"]["registration_id"], fact["data"]["attempt"]) for fact in stand if "attempt-scored" in fact["type"]
    }
    found = set[int]()
    for fact in stand:
        data = fact["data"]
        if "attempt-scored" in fact["type"] or "score-corrected" in fact["type"]:
            lacks = data["registration_id"] not in registered
            lacks = lacks or (data["registration_id"], data["attempt"]) not in scored
        else:
            lacks = "portal-change-corrected" in fact["type"] and data["portal_change_id"] not in declared
        if lacks:
            found.add(fact["position"])
    return found


@pytest.mark.parametrize("seed", range(20))
async def test_exactly_the_facts_that_lack_something_are_listed(caller: Caller, seed: int) -> None:
    await tell(Singly(caller), seeded(seed), Random(seed))
    listed = await held(caller, limit=2)
    assert len({fact["fact_id"] for fact in listed}) == len(listed)
    assert {fact["position"] for fact in listed} == waiting_by_definition(await caller.log())
    assert [fact["since"] for fact in listed] == sorted(fact["since"] for fact in listed)


@pytest.mark.parametrize("query", ["after=-1", "limit=0", "limit=201", "after=01", "limit=x", "known_at=x"])
async def test_a_query_that_nothing_reads_is_refused(caller: Caller, query: str) -> None:
    assert (await caller.http.get(f"{PREFIX}held-facts?{query}")).status_code == 422
