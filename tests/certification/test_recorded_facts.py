"""The facts of a person, a partner or a conversation, newest first."""

from random import Random
from typing import Any

import pytest

from services.certification.event_store import fact_search
from services.web.statements import statements
from tests.certification.caller import PREFIX, Caller
from tests.certification.test_batches import Singly, tell
from tests.oracle.histories import seeded

TRACE = "01890a5d-ac96-774b-bcce-b302099a8057"


async def found(caller: Caller, limit: int = 200, **query: Any) -> list[dict[str, Any]]:
    """All pages of the list."""
    facts: list[dict[str, Any]] = []
    after: int | None = None
    while not facts or after is not None:
        page = await caller.get("recorded-facts", limit=limit, **query, **({} if after is None else {"after": after}))
        facts += page["facts"]
        after = page["next"]
        if after is None:
            break
    return facts


@pytest.mark.parametrize("seed", range(6))
async def test_exactly_the_facts_about_somebody_are_found_newest_first(caller: Caller, seed: int) -> None:
    await tell(Singly(caller), seeded(seed), Random(seed))
    log = await caller.log()
    listed = await found(caller, limit=7)
    assert [fact["position"] for fact in listed] == [fact["position"] for fact in reversed(log)]
    voids = {fact["data"]["fact_id"]: fact["id"] for fact in log if "fact-voided" in fact["type"]}
    assert {fact["fact_id"]: fact["voided_by"] for fact in listed if fact["voided"]} == voids
    partners = {partner for fact in log for partner in [fact["data"].get("partner_id")] if partner}
    for partner in partners:
        about = [f["position"] for f in await caller.get("events", limit=1000, partner_id=partner)]
        assert [fact["position"] for fact in await found(caller, limit=3, partner_id=partner)] == about[::-1]
    followed = [fact for fact in log if "causationid" in fact]
    for cause in {fact["causationid"] for fact in followed}:
        expected = [fact["position"] for fact in reversed(followed) if fact["causationid"] == cause]
        assert [fact["position"] for fact in await found(caller, causation_id=cause)] == expected


async def test_revisions_of_the_policy_are_found_among_all_others(caller: Caller) -> None:
    """They are few, and the list of them walks an index of its own."""
    await tell(Singly(caller), seeded(1), Random(1))
    for number in (1, 2):
        terms: dict[str, Any] = {"policy_id": f"P{number}", "window_days": 30 + number, "reason": "tried out"}
        assert (await caller.post("policy-revisions", **terms)).status_code == 201
    listed = await found(caller, limit=1, type="policy-revised")
    assert [fact["data"]["policy_id"] for fact in listed] == ["P2", "P1"]
    assert await found(caller, type="policy-revised", consultant_id="C1") == []


async def test_a_conversation_is_found_with_the_decisions_that_follow(caller: Caller) -> None:
    await caller.course()
    await caller.register("R1")
    body = {"attempt": 1, "score": "85"}
    path = f"{PREFIX}exam-registrations/R1/attempts"
    headers = {"Idempotency-Key": "k", "X-Correlation-Id": TRACE}
    scored = (await caller.http.post(path, json=body, headers=headers)).json()
    decided, reported = await found(caller, correlation_id=TRACE)
    assert (reported["fact_id"], decided["causation_id"]) == (scored["fact_id"], scored["fact_id"])
    assert [fact["fact_id"] for fact in await found(caller, causation_id=scored["fact_id"])] == [decided["fact_id"]]
    course = (await found(caller, type="course-completed"))[0]
    assert await found(caller, correlation_id=course["fact_id"]) == [course]


async def test_a_page_looks_at_bounded_many_facts_and_the_pages_together_leave_none_out(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is combined: of very many facts few can fit."""
    await tell(Singly(caller), seeded(3), Random(3))
    await caller.http.post(
        f"{PREFIX}exam-registrations",
        json={"registration_id": "RT", "consultant_id": "C1", "product": "S200P"},
        headers={"Idempotency-Key": "of-a-conversation", "X-Correlation-Id": TRACE},
    )
    combined: list[dict[str, Any]] = [{"type": kind} for kind in sorted({fact["type"] for fact in await caller.log()})]
    combined += [{"partner_id": "P1", **each} for each in combined]
    combined += [{"consultant_id": "C1", "partner_id": "P1"}, {"correlation_id": TRACE, "type": "exam-registered"}]
    combined += [{"about": each, "type": "exam-registered"} for each in ("P1", "C1", TRACE)]
    whole = {str(query): [fact["position"] for fact in await found(caller, **query)] for query in combined}
    assert sum(map(bool, whole.values())) > 10
    bounded = statements(fact_search.__file__, looked_at_max="3")
    monkeypatch.setattr(fact_search, "_SQL", bounded)
    short = await caller.get("recorded-facts", type="policy-revised", partner_id="P1", limit=200)
    assert short["facts"] == []
    assert short["next"] is not None, "it ended before the last fact about the partner"
    for query in combined:
        assert [fact["position"] for fact in await found(caller, limit=2, **query)] == whole[str(query)], query


async def test_all_that_is_given_must_fit(caller: Caller) -> None:
    await caller.register("R1", "C1")
    await caller.register("R2", "C2")
    await caller.course("C1")
    (course,) = await found(caller, consultant_id="C1", type="course-completed")
    assert (course["data"]["consultant_id"], course["type"]) == ("C1", "com.sage.partnercloud.course-completed.v1")
    assert await found(caller, consultant_id="C1", partner_id="P1") == []
    void = (await caller.post(f"facts/{course['fact_id']}/void", reason="another person")).json()
    latest, *_ = await found(caller, consultant_id="C1")
    assert latest["fact_id"] == void["fact_id"]
    assert (await caller.get(f"facts/{course['fact_id']}"))["voided_by"] == void["fact_id"]


@pytest.mark.parametrize("seed", range(3))
async def test_what_an_id_names_is_found_whoever_it_is(caller: Caller, seed: int) -> None:
    await tell(Singly(caller), seeded(seed), Random(seed))
    log = await caller.log()
    said = [fact["data"] for fact in log]
    people = {data["consultant_id"] for data in said if "consultant_id" in data}
    partners = {data["partner_id"] for data in said if "partner_id" in data}
    for named in people | partners | {log[0]["id"]}:
        apart = [
            fact["position"]
            for kind in ("consultant_id", "partner_id", "correlation_id")
            for fact in await found(caller, **{kind: named})
        ]
        about = [fact["position"] for fact in await found(caller, about=named, limit=3)]
        assert about == sorted(set(apart), reverse=True), named
    assert await found(caller, about="nobody") == []


@pytest.mark.parametrize(
    "query",
    [
        *("after=0", "limit=0", "limit=201", "type=x", "consultant_id=a b"),
        *("correlation_id=a&causation_id=b", "about=a&causation_id=b", "about=a&correlation_id=b"),
    ],
)
async def test_a_query_that_nothing_reads_is_refused(caller: Caller, query: str) -> None:
    assert (await caller.http.get(f"{PREFIX}recorded-facts?{query}")).status_code == 422
