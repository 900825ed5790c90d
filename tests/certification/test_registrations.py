"""The exam registrations of a person: those that stand, latest first, each as its own answer says."""

from random import Random
from typing import Any

import pytest

from services.certification.event_store import store
from tests.certification.caller import Caller
from tests.certification.test_batches import Singly, tell
from tests.oracle.histories import seeded

LISTED = "exam-registrations"
MORE = ("limit=101", "after=0", "at=x", "known_at=2099-01-01T00:00:00Z", "known_position=1")


async def listed(caller: Caller, consultant_id: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of the list."""
    page = await caller.get(LISTED, consultant_id=consultant_id, **query)
    found: list[dict[str, Any]] = page["registrations"]
    while page["next"] is not None:
        page = await caller.get(LISTED, consultant_id=consultant_id, after=page["next"], **query)
        found += page["registrations"]
    return found


async def _each_alone(caller: Caller, log: list[dict[str, Any]], **query: Any) -> list[dict[str, Any]]:
    """The answers about every registration of the log that stands, the last recorded first."""
    ids = [fact["data"]["registration_id"] for fact in reversed(log) if "exam-registered" in fact["type"]]
    answers = [await caller.http.get(f"/certification/v1/{LISTED}/{each}", params=query) for each in dict.fromkeys(ids)]
    return [answer.json() for answer in answers if answer.status_code == 200]


@pytest.mark.parametrize("seed", range(6))
async def test_exactly_those_that_stand_are_listed_as_each_answers_alone(sandbox_caller: Caller, seed: int) -> None:
    caller = sandbox_caller
    await tell(Singly(caller), seeded(seed), Random(seed))
    log = await caller.log()
    middle, last = log[len(log) // 2]["recordedtime"], log[-1]["recordedtime"]
    for at, known_at in ((last, last), (last, middle), (middle, last), (middle, middle)):
        moment = {"at": at, "known_at": known_at}
        alone = await _each_alone(caller, log, **moment)
        for person in {answer["consultant_id"] for answer in alone} | {"nobody"}:
            own = [answer for answer in alone if answer["consultant_id"] == person]
            assert await listed(caller, person, limit=2, **moment) == own, (person, moment)


async def test_a_registration_that_is_voided_and_recorded_again_is_of_its_present_owner(caller: Caller) -> None:
    await caller.register("R1", "C1")
    first = (await caller.get("recorded-facts", consultant_id="C1"))["facts"][0]
    await caller.register("R2", "C1")
    assert [answer["registration_id"] for answer in await listed(caller, "C1", limit=1)] == ["R2", "R1"]
    await caller.post(f"facts/{first['fact_id']}/void", reason="another person")
    assert [answer["registration_id"] for answer in await listed(caller, "C1", limit=1)] == ["R2"]
    await caller.register("R1", "C2")
    await caller.score("R1", 1, "90")
    assert [answer["state"] for answer in await listed(caller, "C2")] == ["passed"]
    assert [answer["registration_id"] for answer in await listed(caller, "C1", limit=1)] == ["R2"]


async def test_a_page_ends_where_its_registrations_have_many_facts(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "FACTS_MAX", 3)
    for registration in ("R1", "R2", "R3"):
        await caller.register(registration)
        await caller.score(registration, 1, "70")
    page = await caller.get(LISTED, consultant_id="C1")
    assert [answer["registration_id"] for answer in page["registrations"]] == ["R3", "R2"]
    assert [answer["registration_id"] for answer in await listed(caller, "C1")] == ["R3", "R2", "R1"]
    table = await caller.http.get(f"/certification/v1/{LISTED}.csv?consultant_id=C1")
    assert len(table.text.splitlines()) == 4


@pytest.mark.parametrize(
    "query",
    ["", "consultant_id=", *(f"consultant_id=C1&{more}" for more in MORE)],
)
async def test_what_names_nobody_or_no_moment_is_refused(caller: Caller, query: str) -> None:
    assert (await caller.http.get(f"/certification/v1/{LISTED}?{query}")).status_code == 422
