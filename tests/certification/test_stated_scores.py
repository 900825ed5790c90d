"""`PUT …/attempts/{n}`: the score is what a full export says, every night again (R32, R34, R35)."""

import asyncio
from random import Random
from typing import Any

import httpx
import pytest

from tests.certification.caller import PREFIX, Caller

YESTERDAY = "2026-01-05T09:00:00Z"


async def put(caller: Caller, registration: str, attempt: int, **body: Any) -> httpx.Response:
    return await caller.http.put(f"{PREFIX}exam-registrations/{registration}/attempts/{attempt}", json=body)


async def outcome(caller: Caller, registration: str, attempt: int, **body: Any) -> tuple[int, str]:
    answer = await put(caller, registration, attempt, **body)
    assert answer.status_code < 300, answer.text
    return answer.status_code, answer.json()["outcome"]


async def test_a_score_is_recorded_then_known_then_corrected(caller: Caller) -> None:
    await caller.course()
    await caller.register("R1")
    assert await outcome(caller, "R1", 1, score="82", scored_at=YESTERDAY) == (201, "recorded")
    assert await outcome(caller, "R1", 1, score="82.00", scored_at=YESTERDAY) == (200, "unchanged")
    assert await outcome(caller, "R1", 1, score="78", reason="marked again") == (201, "corrected")
    assert await outcome(caller, "R1", 1, score="78") == (200, "unchanged")
    assert await outcome(caller, "R1", 1, score="82") == (201, "corrected")
    scored, certified, corrected, revoked, again, restored = (await caller.log())[2:]
    assert scored["time"] == YESTERDAY
    assert certified["causationid"] == scored["id"]
    assert corrected["data"]["score"] == "78"
    assert corrected["time"] == corrected["recordedtime"]
    assert revoked["type"].endswith("certification-revoked.v1")
    assert again["data"]["score"] == "82"
    assert restored["type"].endswith("consultant-certified.v1")
    fact = (await caller.http.get(f"{PREFIX}facts/{corrected['id']}")).json()
    assert fact["free_text"] == "marked again"
    assert (await caller.http.get(f"{PREFIX}facts/{scored['id']}")).json()["free_text"] is None


async def test_a_score_waits_for_its_registration(caller: Caller) -> None:
    """R35."""
    answer = await put(caller, "R1", 2, score="80", scored_at=YESTERDAY)
    assert answer.status_code == 202
    assert answer.json()["waits_for"] == {"registration_id": "R1"}
    assert await outcome(caller, "R1", 2, score="80") == (200, "unchanged")
    assert await outcome(caller, "R1", 2, score="81") == (202, "corrected")


async def test_a_voided_score_is_recorded_again(caller: Caller) -> None:
    """R33."""
    await caller.register("R1")
    first = (await put(caller, "R1", 1, score="60")).json()
    await caller.post(f"facts/{first['fact_id']}/void", reason="of another person")
    assert await outcome(caller, "R1", 1, score="60") == (201, "recorded")


@pytest.mark.parametrize(
    ("attempt", "body"),
    [
        (3, {"score": "80"}),
        (1, {"score": "101"}),
        (1, {"score": 80}),
        (1, {"score": "80", "effective_at": YESTERDAY}),
        (1, {"score": "80", "scored_at": "2026-01-05"}),
        (1, {}),
    ],
)
async def test_what_is_not_acceptable_is_refused(caller: Caller, attempt: int, body: dict[str, Any]) -> None:
    assert (await put(caller, "R1", attempt, **body)).status_code == 422
    assert await caller.log() == []


async def test_the_same_export_twice_at_once_is_recorded_once(caller: Caller) -> None:
    await caller.register("R1")
    for score in ("60", "61"):
        answers = await asyncio.gather(*(put(caller, "R1", 1, score=score) for _ in range(20)))
        assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len(await caller.log()) == 3


@pytest.mark.parametrize("seed", range(8))
async def test_after_every_night_the_scores_are_those_of_the_export(caller: Caller, seed: int) -> None:
    """Exports in any order, with scores that change, and registrations that come late."""
    random = Random(seed)
    names = [f"R{number}" for number in range(4)]
    export: dict[tuple[str, int], str] = {}
    for night in range(4):
        if night == 2:
            for name in names:
                await caller.register(name)
        for name in names:
            export[name, random.choice((1, 2))] = random.choice(("60", "79.99", "80", "92.5"))
        for (name, attempt), score in random.sample(list(export.items()), len(export)):
            await outcome(caller, name, attempt, score=score, scored_at=YESTERDAY)
        before = len(await caller.log())
        for (name, attempt), score in export.items():
            assert await outcome(caller, name, attempt, score=score) == (200, "unchanged")
        assert len(await caller.log()) == before
    latest = dict[tuple[str, int], str]()
    for fact in await caller.log():
        if "score" in fact["data"]:
            latest[fact["data"]["registration_id"], fact["data"]["attempt"]] = fact["data"]["score"]
    assert latest == export
