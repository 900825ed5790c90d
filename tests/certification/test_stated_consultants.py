"""`PUT …/partners/{id}/consultants`: who works for a partner is what a full export says (R17, R23, R29)."""

import asyncio
from random import Random
from typing import Any

import httpx
import pytest

from tests.certification.caller import PREFIX, Caller, kind_of

MONDAY, TUESDAY, WEDNESDAY = (f"2026-01-0{day}T09:00:00Z" for day in (5, 6, 7))


async def put(caller: Caller, *consultant_ids: str, partner: str = "P1", **more: Any) -> httpx.Response:
    body = {"consultant_ids": consultant_ids, **more}
    return await caller.http.put(f"{PREFIX}partners/{partner}/consultants", json=body)


async def changed(caller: Caller, *consultant_ids: str, partner: str = "P1", **more: Any) -> tuple[int, str, str]:
    """The status, who was linked and who departed."""
    answer = await put(caller, *consultant_ids, partner=partner, **more)
    assert answer.status_code < 300, answer.text
    said = answer.json()
    linked, departed = (" ".join(person["consultant_id"] for person in said[what]) for what in ("linked", "departed"))
    return answer.status_code, linked, departed


async def link(caller: Caller, consultant: str, at: str, partner: str = "P1") -> str:
    answer = await caller.post(f"partners/{partner}/consultants", consultant_id=consultant, effective_at=at)
    fact_id: str = answer.json()["fact_id"]
    return fact_id


async def leave(caller: Caller, consultant: str, at: str, partner: str = "P1") -> None:
    await caller.post(f"partners/{partner}/departures", consultant_id=consultant, effective_at=at)


async def test_a_statement_links_and_parts_once(caller: Caller) -> None:
    assert await changed(caller, "ben", "ann", as_of=MONDAY) == (201, "ann ben", "")
    assert await changed(caller, "ann", "ben", as_of=MONDAY) == (200, "", "")
    assert await changed(caller, "ann", "ben") == (200, "", "")
    answer = (await put(caller, "ann", "cem", as_of=TUESDAY)).json()
    left, linked = (await caller.log())[2:]
    assert answer == {
        "partner_id": "P1",
        "as_of": TUESDAY,
        "linked": [{"consultant_id": "cem", "fact_id": linked["id"]}],
        "departed": [{"consultant_id": "ben", "fact_id": left["id"]}],
        "unchanged": 1,
        "linked_later": [],
        "position": 4,
        "recorded_at": linked["recordedtime"],
    }
    assert (left["time"], left["recordedtime"]) == (TUESDAY, linked["recordedtime"])
    assert left["type"].endswith("consultant-left.v1")
    assert await changed(caller) == (201, "", "ann cem")


async def test_a_dry_run_says_whom_and_records_nothing(caller: Caller) -> None:
    await link(caller, "ann", MONDAY)
    said = (await put(caller, "ben", as_of=TUESDAY, dry_run=True)).json()
    assert (said["linked"], said["departed"]) == ([{"consultant_id": "ben"}], [{"consultant_id": "ann"}])
    assert "position" not in said
    assert len(await caller.log()) == 1


async def test_facts_after_as_of_stay_as_they_are(caller: Caller) -> None:
    for consultant in ("ann", "ben"):
        await link(caller, consultant, MONDAY)
    await leave(caller, "ben", WEDNESDAY)
    await link(caller, "cem", WEDNESDAY)
    said = (await put(caller, "ann", "ben", as_of=TUESDAY)).json()
    assert (said["linked"], said["departed"], said["linked_later"]) == ([], [], ["cem"])
    assert await changed(caller, "ann", "ben", "dan", as_of=TUESDAY) == (201, "dan", "")
    assert await changed(caller, "ann", "cem", "dan") == (200, "", "")


async def test_who_was_moved_by_a_merger_is_linked(caller: Caller) -> None:
    """R29: the links of a partner that was merged are the survivor's; those of a closed one end."""
    for consultant, partner in (("ann", "P2"), ("ben", "P1"), ("cem", "P3")):
        await link(caller, consultant, MONDAY, partner)
    await caller.post("partners/P2/merger", into="P1", effective_at=TUESDAY)
    await caller.post("partners/P3/closure", effective_at=TUESDAY)
    assert await changed(caller, "ann", as_of=WEDNESDAY) == (201, "", "ben")
    assert await changed(caller, partner="P2", as_of=WEDNESDAY) == (200, "", "")
    assert await changed(caller, "cem", partner="P3", as_of=WEDNESDAY) == (201, "cem", "")


async def test_a_link_of_that_very_instant_is_not_ended(caller: Caller) -> None:
    """R17: of one instant a departure comes before a link."""
    fact_id = await link(caller, "ann", MONDAY)
    refused = await put(caller, as_of=MONDAY)
    assert (refused.status_code, kind_of(refused)) == (409, "linked-at-that-instant")
    recorded = refused.json()["recorded"]
    assert recorded["fact_id"] == fact_id
    assert recorded["data"] == {"partner_id": "P1", "consultant_id": "ann"}
    assert await changed(caller, as_of=TUESDAY) == (201, "", "ann")


@pytest.mark.parametrize(
    "body",
    [
        {"consultant_ids": ["ann", "ann"]},
        {"consultant_ids": ["ann", "no name"]},
        {"consultant_ids": [str(number) for number in range(5001)]},
        {"consultant_ids": ["ann"], "as_of": "2099-01-01T00:00:00Z"},
        {"consultant_ids": ["ann"], "effective_at": MONDAY},
        {"consultant_ids": None},
        {},
    ],
)
async def test_what_is_not_acceptable_is_refused(caller: Caller, body: dict[str, Any]) -> None:
    answer = await caller.http.put(f"{PREFIX}partners/P1/consultants", json=body)
    assert answer.status_code == 422, answer.text
    assert await caller.log() == []


async def test_statements_at_once_and_other_calls_between_them_leave_the_last_one_true(caller: Caller) -> None:
    await asyncio.gather(*(put(caller, f"C{number % 3}", f"C{number % 2}") for number in range(12)))
    await asyncio.gather(*(link(caller, f"C{number}", MONDAY) for number in range(6)), put(caller, "C1"))
    await put(caller, "C1", "C4")
    assert (await put(caller, "C1", "C4")).status_code == 200


async def test_everybody_of_the_biggest_partner_is_stated_at_once(caller: Caller) -> None:
    """Three thousand people are linked together, and part together."""
    everybody = [f"C{number:04}-{'x' * 25}" for number in range(3_000)]
    said = (await put(caller, *everybody)).json()
    assert (len(said["linked"]), said["position"]) == (3_000, 3_000)
    assert (await put(caller, *everybody)).json()["unchanged"] == 3_000
    assert len((await put(caller)).json()["departed"]) == 3_000


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_history_a_statement_is_true_and_repeated_for_nothing(caller: Caller, seed: int) -> None:
    """Links, departures, closures, mergers and voids of three partners in any order."""
    random = Random(seed)
    facts: list[str] = []
    for _ in range(30):
        partner, at = random.choice(("P1", "P2", "P3")), random.choice((MONDAY, TUESDAY, WEDNESDAY))
        what, body = random.choice(
            [
                *[("consultants", {"consultant_id": random.choice("abcd")})] * 4,
                ("departures", {"consultant_id": random.choice("abcd")}),
                ("closure", {}),
                ("merger", {"into": random.choice([name for name in ("P1", "P2", "P3") if name != partner])}),
            ]
        )
        facts.append((await caller.post(f"partners/{partner}/{what}", effective_at=at, **body)).json()["fact_id"])
    for fact_id in random.sample(facts, 4):
        await caller.post(f"facts/{fact_id}/void", reason="in error")
    for as_of in ("2026-01-06T12:00:00Z", "2026-01-07T12:00:00Z"):
        stated = random.sample("abcd", 2)
        await changed(caller, *stated, as_of=as_of)
        again = (await put(caller, *stated, as_of=as_of)).json()
        assert (again["linked"], again["departed"], again["unchanged"]) == ([], [], 2)
