"""Voids over HTTP, and what is recorded again in the place that they leave free (R33, R34)."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.certification.caller import PREFIX, Caller, kind_of

LONG_AGO = "2022-03-01T09:00:00Z"
LATER = "2022-04-01T09:00:00Z"


async def voided(caller: Caller, recorded: httpx.Response) -> dict[str, Any]:
    """Voids the fact; returns what is answered."""
    answer = await caller.post(f"facts/{recorded.json()['fact_id']}/void", reason="recorded in error")
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def declare(caller: Caller, due_on: str = "2022-04-01", **more: Any) -> httpx.Response:
    """Declares the portal change CH1."""
    body: dict[str, Any] = {
        "portal_change_id": "CH1",
        "products": ["S200P"],
        "significant": True,
        "due_on": due_on,
        "summary": "s",
    }
    return await caller.post("portal-changes", effective_at=LONG_AGO, **body, **more)


async def grants(caller: Caller) -> dict[tuple[str, str], list[Any]]:
    """(consultant, product) to the periods of the last statement of a grant."""
    return {
        (event["data"]["consultant_id"], event["data"]["product"]): event["data"]["periods"]
        for event in await caller.log()
        if "grant_id" in event["data"]
    }


class TestAttempts:
    """An attempt whose score is voided can be scored again."""

    async def test_another_score_is_a_new_fact(self, caller: Caller) -> None:
        await caller.course(effective_at=LONG_AGO)
        await caller.register("R1")
        wrong = await caller.score("R1", 1, "50")
        await voided(caller, wrong)
        again = await caller.score("R1", 1, "91", effective_at=LONG_AGO)
        assert again.status_code == 201
        assert again.json()["fact_id"] != wrong.json()["fact_id"]
        found = await caller.get("exam-registrations/R1")
        assert (found["state"], found["attempts_left"]) == ("passed", 0)
        assert [attempt["score"] for attempt in found["attempts"]] == ["91"]

    async def test_so_is_the_same_score(self, caller: Caller) -> None:
        await caller.register("R1")
        wrong = await caller.score("R1", 1, "50")
        await voided(caller, wrong)
        again = await caller.score("R1", 1, "50")
        assert (again.status_code, again.json()["fact_id"] != wrong.json()["fact_id"]) == (201, True)

    async def test_the_old_key_keeps_its_first_answer(self, caller: Caller) -> None:
        """R34: also once something else stands in its place."""
        await caller.register("R1")
        wrong = await caller.score("R1", 1, "50", key="old")
        await voided(caller, wrong)
        for _ in range(2):
            replayed = await caller.score("R1", 1, "50", key="old")
            assert (replayed.status_code, replayed.content) == (200, wrong.content)
            assert replayed.headers["Idempotent-Replayed"] == "true"
            await caller.score("R1", 1, "91")
        other = await caller.score("R1", 1, "91", key="old")
        assert (other.status_code, kind_of(other)) == (422, "idempotency-key-reused")

    async def test_what_stands_again_is_one_score(self, caller: Caller) -> None:
        await caller.register("R1")
        await voided(caller, await caller.score("R1", 1, "50"))
        second = await caller.score("R1", 1, "91")
        assert (await caller.score("R1", 1, "91.00")).content == second.content
        other = await caller.score("R1", 1, "50")
        assert (other.status_code, kind_of(other)) == (409, "another-score-recorded")
        assert (other.json()["fact_id"], other.json()["score"]) == (second.json()["fact_id"], "91")

    async def test_a_correction_waits_for_the_attempt_to_be_scored_again(self, caller: Caller) -> None:
        """R35."""
        await caller.course(effective_at=LONG_AGO)
        await caller.register("R1")
        await voided(caller, await caller.score("R1", 1, "50"))
        correction = await caller.correct("R1", 1, "85", effective_at=LATER)
        assert correction.status_code == 202
        assert correction.json()["waits_for"] == {"registration_id": "R1", "attempt": 1}
        assert (await caller.get("exam-registrations/R1"))["attempts_left"] == 2
        await caller.score("R1", 1, "40", effective_at=LONG_AGO)
        assert (await caller.get("exam-registrations/R1"))["state"] == "passed"

    async def test_a_voided_correction_leaves_the_score(self, caller: Caller) -> None:
        await caller.course(effective_at=LONG_AGO)
        await caller.register("R1")
        await caller.score("R1", 1, "85", effective_at=LONG_AGO)
        correction = await caller.correct("R1", 1, "70", effective_at=LATER)
        assert (await caller.get("exam-registrations/R1"))["state"] == "open"
        await voided(caller, correction)
        assert (await caller.get("exam-registrations/R1"))["state"] == "passed"
        (period,) = (await grants(caller))["C1", "S200P"]
        assert "to" not in period
        assert (await caller.correct("R1", 1, "70", effective_at=LATER)).status_code == 201

    async def test_of_many_who_score_it_again_at_once_one_does(self, caller: Caller) -> None:
        await caller.register("R1")
        await voided(caller, await caller.score("R1", 1, "50"))
        answers = await asyncio.gather(*(caller.score("R1", 1, str(60 + number)) for number in range(8)))
        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
        assert len((await caller.get("exam-registrations/R1"))["attempts"]) == 1


class TestRegistrations:
    """A voided registration does not exist until it is recorded again."""

    async def test_it_is_not_found_until_recorded_again(self, caller: Caller) -> None:
        first = await caller.register("R1", effective_at=LONG_AGO)
        void = await voided(caller, first)
        answer = await caller.http.get(PREFIX + "exam-registrations/R1")
        assert (answer.status_code, kind_of(answer)) == (404, "not-found")
        again = await caller.register("R1", effective_at=LONG_AGO)
        assert (again.status_code, again.json()["fact_id"] != first.json()["fact_id"]) == (201, True)
        assert (await caller.get("exam-registrations/R1"))["state"] == "open"
        assert await caller.status("exam-registrations/R1", known_at=first.json()["recorded_at"]) == 200
        assert await caller.status("exam-registrations/R1", known_at=void["recorded_at"]) == 404

    async def test_posting_it_again_is_no_repetition_of_what_is_void(self, caller: Caller) -> None:
        first = await caller.register("R1", key=None)
        await voided(caller, first)
        again = await caller.register("R1")
        assert again.status_code == 201
        assert (await caller.register("R1")).content == again.content

    async def test_it_can_be_another_persons(self, caller: Caller) -> None:
        """The score binds by id (R35), the decisions follow it."""
        await caller.course("C1", effective_at=LONG_AGO)
        await caller.course("C2", effective_at=LONG_AGO)
        wrong = await caller.register("R1", "C1", effective_at=LONG_AGO)
        scored = await caller.score("R1", 1, "90", effective_at=LONG_AGO)
        await voided(caller, wrong)
        assert (await grants(caller))["C1", "S200P"] == []
        assert (await caller.register("R1", "C2", effective_at=LONG_AGO)).status_code == 201
        held = await grants(caller)
        assert (held["C1", "S200P"], bool(held["C2", "S200P"])) == ([], True)
        other = await caller.register("R1", "C1", effective_at=LONG_AGO)
        assert (other.status_code, kind_of(other)) == (409, "other-content-recorded")
        await caller.course("C1", effective_at=LATER)  # decides for C1 again, whose R1 was once
        assert (await grants(caller))["C1", "S200P"] == []
        await voided(caller, scored)
        assert (await grants(caller))["C2", "S200P"] == []

    async def test_a_score_for_it_waits(self, caller: Caller) -> None:
        """R35."""
        await caller.course("C2", effective_at=LONG_AGO)
        await voided(caller, await caller.register("R1", "C1"))
        scored = await caller.score("R1", 1, "85", effective_at=LONG_AGO)
        assert (scored.status_code, scored.json()["waits_for"]) == (202, {"registration_id": "R1"})
        again = await caller.score("R1", 1, "85")
        assert (again.status_code, again.content) == (200, scored.content)
        corrected = await caller.correct("R1", 1, "88", effective_at=LATER)
        assert corrected.status_code == 202
        await caller.register("R1", "C2")
        assert [*await grants(caller)] == [("C2", "S200P")]
        assert (await caller.get("exam-registrations/R1"))["state"] == "passed"

    async def test_a_score_that_waits_can_be_voided(self, caller: Caller) -> None:
        await voided(caller, await caller.register("R1", "C1"))
        scored = await caller.score("R1", 1, "85", effective_at=LONG_AGO)
        await voided(caller, scored)
        await caller.course("C2", effective_at=LONG_AGO)
        await caller.register("R1", "C2")
        assert await grants(caller) == {}
        assert (await caller.get("exam-registrations/R1"))["attempts_left"] == 2

    async def test_of_many_who_record_it_again_at_once_one_does(self, caller: Caller) -> None:
        await voided(caller, await caller.register("R1", "C1"))
        answers = await asyncio.gather(*(caller.register("R1", f"C{number}") for number in range(2, 10)))
        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]

    async def test_what_is_voided_while_its_score_is_decided_certifies_nobody(self, caller: Caller) -> None:
        """Whatever comes first, the last statement of the grant is what follows from the whole."""
        for number in range(6):
            who, registration = f"C{number}", f"R{number}"
            await caller.course(who, effective_at=LONG_AGO)
            wrong = await caller.register(registration, who, effective_at=LONG_AGO)
            await asyncio.gather(
                caller.score(registration, 1, "90", effective_at=LONG_AGO),
                voided(caller, wrong),
            )
            assert (await grants(caller)).get((who, "S200P"), []) == []

    async def test_a_void_of_a_score_and_a_course_at_once(self, caller: Caller) -> None:
        """The void is about whoever is registered now, and so is what is decided meanwhile."""
        for number in range(6):
            registration, first, second = f"R{number}", f"A{number}", f"B{number}"
            wrong = await caller.register(registration, first, effective_at=LONG_AGO)
            scored = await caller.score(registration, 1, "90", effective_at=LONG_AGO)
            await voided(caller, wrong)
            await caller.register(registration, second, effective_at=LONG_AGO)
            await asyncio.gather(voided(caller, scored), caller.course(second, effective_at=LONG_AGO))
            assert (await grants(caller)).get((second, "S200P"), []) == []


class TestPortalChanges:
    """A voided portal change can be declared again under its id."""

    async def test_with_other_content(self, caller: Caller) -> None:
        first = await declare(caller, key="old")
        conflict = await declare(caller, due_on="2022-05-01")
        assert (conflict.status_code, conflict.json()["fact_id"]) == (409, first.json()["fact_id"])
        await voided(caller, first)
        again = await declare(caller, due_on="2022-05-01")
        assert (again.status_code, again.json()["fact_id"] != first.json()["fact_id"]) == (201, True)
        assert (await declare(caller, due_on="2022-05-01")).content == again.content
        assert (await declare(caller)).status_code == 409
        assert (await declare(caller, key="old")).content == first.content

    async def test_with_the_same(self, caller: Caller) -> None:
        first = await declare(caller)
        await voided(caller, first)
        again = await declare(caller)
        assert (again.status_code, again.json()["fact_id"] != first.json()["fact_id"]) == (201, True)

    async def test_and_voided_again(self, caller: Caller) -> None:
        for due_on in ("2022-04-01", "2022-05-01", "2022-06-01"):
            declared = await declare(caller, due_on=due_on)
            assert declared.status_code == 201
            await voided(caller, declared)
            twice = await caller.post(f"facts/{declared.json()['fact_id']}/void", reason="x")
            assert (twice.status_code, kind_of(twice)) == (409, "already-voided")

    async def test_of_many_who_declare_it_again_at_once_one_does(self, caller: Caller) -> None:
        await voided(caller, await declare(caller))
        days = [f"2022-05-{number:02}" for number in range(1, 9)]
        answers = await asyncio.gather(*(declare(caller, due_on=day) for day in days))
        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]


@pytest.mark.parametrize("number", [1, 2])
async def test_attempts_left_is_what_can_be_scored(caller: Caller, number: int) -> None:
    """At every (at, known_at): two, less the attempts made by then whose scores were not voided by then."""
    await caller.register("R1", effective_at=LONG_AGO)
    first = await caller.score("R1", number, "50", effective_at=LATER)
    second = await caller.score("R1", 3 - number, "60", effective_at=LATER)
    void = await voided(caller, first)

    async def left(**query: str) -> int:
        found: int = (await caller.get("exam-registrations/R1", **query))["attempts_left"]
        return found

    assert await left() == 1
    assert await left(at=LONG_AGO) == 2
    assert await left(known_at=second.json()["recorded_at"]) == 0
    assert await left(known_at=second.json()["recorded_at"], at=LONG_AGO) == 2
    assert await left(known_at=void["recorded_at"]) == 1
    assert (await caller.score("R1", 3 - number, "70")).status_code == 409
    assert (await caller.score("R1", number, "70")).status_code == 201
    assert await left() == 0
