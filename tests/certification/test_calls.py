"""What a caller is answered: the HTTP contract, call by call."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.certification.caller import PREFIX, Caller, kind_of

LONG_AGO = "2022-03-01T09:00:00Z"
LATER = "2022-04-01T09:00:00Z"
FAR_AHEAD = "2099-01-01T00:00:00Z"


async def test_a_new_fact_is_recorded_and_told_where(caller: Caller) -> None:
    answer = await caller.post("partners", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"fact_id", "position", "recorded_at", "effective_at"}
    assert body["position"] == 1
    assert body["effective_at"] == body["recorded_at"], "left out, it is when it is recorded"


async def test_a_fact_applies_from_when_it_was_true(caller: Caller) -> None:
    """R30."""
    answer = await caller.post("partners/P1/closure", effective_at="2022-03-01T10:00:00+01:00")
    assert answer.json()["effective_at"] == LONG_AGO


async def test_the_call_without_a_body_is_a_fact_too(caller: Caller) -> None:
    answer = await caller.http.post(PREFIX + "partners/P1/closure", headers={"Idempotency-Key": "k"})
    assert answer.status_code == 201


async def test_decisions_are_appended_together_with_the_fact_that_they_follow_from(caller: Caller) -> None:
    """R4. One call, one instant of recording; `position` is that of the last."""
    await caller.course()
    await caller.register("R1")
    answer = (await caller.score("R1", 1, "80.00")).json()
    *_, scored, certified = await caller.log()
    assert answer["position"] == certified["position"] == scored["position"] + 1
    assert certified["type"] == "com.sage.partnercloud.consultant-certified.v1"
    assert certified["recordedtime"] == scored["recordedtime"] == answer["recorded_at"]
    assert certified["causationid"] == scored["id"] == certified["data"]["grant_id"] == answer["fact_id"]


class TestIdempotency:
    """R34."""

    async def test_the_same_call_again_gets_the_first_answer_byte_for_byte(self, caller: Caller) -> None:
        first = await caller.post("partners/P1/kind-changes", key="k1", kind="VAR")
        await caller.post("partners/P1/kind-changes", kind="DEVELOPER")
        again = await caller.post("partners/P1/kind-changes", key="k1", kind="VAR")
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.content == first.content
        assert again.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        assert len(await caller.log()) == 2

    async def test_other_content_under_a_used_key_is_refused(self, caller: Caller) -> None:
        await caller.post("partners/P1/kind-changes", key="k1", kind="VAR")
        for other in (
            await caller.post("partners/P1/kind-changes", key="k1", kind="DEVELOPER"),
            await caller.post("partners/P2/kind-changes", key="k1", kind="VAR"),
            await caller.course(key="k1"),
        ):
            assert (other.status_code, kind_of(other)) == (422, "idempotency-key-reused")
            assert other.json()["rule"] == "R34"
        assert len(await caller.log()) == 1

    async def test_the_content_is_the_body_as_sent(self, caller: Caller) -> None:
        headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
        path = PREFIX + "partners/P1/kind-changes"
        await caller.http.post(path, content=b'{"kind":"VAR"}', headers=headers)
        spaced = await caller.http.post(path, content=b'{"kind": "VAR"}', headers=headers)
        assert spaced.status_code == 422

    async def test_a_refused_call_does_not_use_its_key_up(self, caller: Caller) -> None:
        assert (await caller.score("R1", 3, "80", key="k1")).status_code == 422
        assert (await caller.score("R1", 1, "80", key="k1")).status_code == 202

    @pytest.mark.parametrize("key", ["", "a b", "x" * 256, "caf\u00e9"])
    async def test_a_key_is_visible_ascii(self, caller: Caller, key: str) -> None:
        headers = [(b"Idempotency-Key", key.encode("latin-1"))]
        answer = await caller.http.post(PREFIX + "partners/P1/closure", headers=headers)
        assert (answer.status_code, kind_of(answer)) == (422, "idempotency-key-missing")

    async def test_a_fact_needs_a_key(self, caller: Caller) -> None:
        answer = await caller.http.post(PREFIX + "partners/P1/closure")
        assert (answer.status_code, kind_of(answer)) == (422, "idempotency-key-missing")

    async def test_several_keys_are_refused_and_none_is_used_up(self, caller: Caller) -> None:
        """Also where they say the same: nobody can tell which is meant."""
        for other in ("k1", "k2"):
            keys = [("Idempotency-Key", "k1"), ("idempotency-key", other)]
            answer = await caller.http.post(PREFIX + "partners/P1/closure", headers=keys)
            assert (answer.status_code, kind_of(answer)) == (422, "idempotency-key-missing")
            assert answer.json()["detail"] == "Send one Idempotency-Key, of 1 to 255 visible ASCII characters."
        assert await caller.log() == []
        assert (await caller.post("partners/P1/closure", key="k1")).status_code == 201

    async def test_several_ids_of_a_conversation_are_refused(self, caller: Caller) -> None:
        headers = [("Idempotency-Key", "k1"), ("X-Correlation-Id", "1" * 32), ("X-Correlation-Id", "2" * 32)]
        answer = await caller.http.post(PREFIX + "partners/P1/closure", headers=headers)
        assert answer.status_code == 422
        assert (
            answer.json()["detail"] == "The header parameter 'x-correlation-id' is not acceptable: it is given twice."
        )
        assert await caller.log() == []

    async def test_a_held_fact_is_held_in_its_first_answer_for_ever(self, caller: Caller) -> None:
        first = await caller.score("R1", 1, "80", key="k1")
        await caller.register("R1")
        again = await caller.score("R1", 1, "80", key="k1")
        assert (first.status_code, again.status_code) == (202, 200)
        assert again.content == first.content
        assert first.json()["waits_for"] == {"registration_id": "R1"}

    async def test_the_same_score_again_is_the_same_fact_under_any_key(self, caller: Caller) -> None:
        await caller.register("R1")
        first = await caller.score("R1", 1, "80")
        again = await caller.score("R1", 1, "80.00", effective_at=LONG_AGO)
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["Idempotent-Replayed"] == "true"

    async def test_another_score_of_a_scored_attempt_is_a_conflict(self, caller: Caller) -> None:
        recorded = await caller.score("R1", 1, "70")
        other = await caller.score("R1", 1, "90")
        assert (other.status_code, kind_of(other), other.json()["rule"]) == (409, "another-score-recorded", "R34")
        assert (other.json()["fact_id"], other.json()["score"]) == (recorded.json()["fact_id"], "70")

    async def test_a_registration_id_stands_for_one_content(self, caller: Caller) -> None:
        first = await caller.register("R1", "C1", effective_at=LONG_AGO)
        assert (await caller.register("R1", "C1")).content == first.content
        assert (await caller.register("R1", "C1", effective_at=LONG_AGO)).content == first.content
        for other in (
            await caller.register("R1", "C2"),
            await caller.register("R1", "C1", effective_at=LATER),
            await caller.register("R1", "C1", portal_change_id="CH1"),
        ):
            assert (other.status_code, kind_of(other)) == (409, "other-content-recorded")

    async def test_a_portal_change_id_stands_for_one_content(self, caller: Caller) -> None:
        change: dict[str, Any] = {
            "portal_change_id": "CH1",
            "products": ["S200P"],
            "significant": True,
            "due_on": "2099-05-02",
            "summary": "a change",
        }
        first = await caller.post("portal-changes", **change)
        assert (await caller.post("portal-changes", **change)).content == first.content
        other = await caller.post("portal-changes", **{**change, "significant": False})
        assert (other.status_code, kind_of(other)) == (409, "other-content-recorded")


class TestRefusals:
    """Each names its rule, and records nothing."""

    @pytest.mark.parametrize(
        ("path", "body", "rule"),
        [
            ("course-completions", {"consultant_id": "C1", "product": "S300"}, "R2"),
            ("exam-registrations/R1/attempts", {"attempt": 3, "score": "95"}, "R5"),
            ("exam-registrations/R1/attempts", {"attempt": 0, "score": "95"}, "R5"),
            ("exam-registrations/R1/attempts/3/corrections", {"score": "95", "reason": "x"}, "R5"),
            ("exam-registrations/R1/attempts", {"attempt": 1, "score": "100.01"}, "R6"),
            (
                "exam-registrations/R1/attempts/1/corrections",
                {"score": "80", "reason": "x", "effective_at": FAR_AHEAD},
                "R36",
            ),
            ("partners/P1/merger", {"into": "P1"}, "R29"),
            (
                "portal-changes",
                {
                    "portal_change_id": "CH1",
                    "products": ["S200P"],
                    "significant": True,
                    "summary": "x",
                    "effective_at": "2022-06-30T23:30:00Z",
                    "due_on": "2022-06-30",
                },
                "R25",
            ),
        ],
    )
    async def test_by_rule(self, caller: Caller, path: str, body: dict[str, Any], rule: str) -> None:
        answer = await caller.post(path, **body)
        assert (answer.status_code, answer.json().get("rule")) == (422, rule)
        assert await caller.log() == []

    @pytest.mark.parametrize(
        "score", ["80.001", "1e1", "-1", "+80", "080", " 80", "80 ", "", "NaN", "\u0668\u0660", 80, 80.5]
    )
    async def test_a_score_is_a_decimal_string(self, caller: Caller, score: object) -> None:
        """R6. A JSON number is refused: it has no exact decimals."""
        answer = await caller.post("exam-registrations/R1/attempts", attempt=1, score=score)
        assert (answer.status_code, kind_of(answer)) == (422, "malformed-request")

    @pytest.mark.parametrize(
        "instant",
        [
            "2022-03-01T09:00:00",
            "2022-03-01",
            "1999-12-31T23:59:59Z",
            "2101-01-01T00:00:00Z",
            "2000-01-01T00:30:00+01:00",
            "2022-02-30T00:00:00Z",
            "2022-03-01T24:00:00Z",
            "2022-03-01T09:00:60Z",
            "2022-03-01T09:00:00.1234567Z",
            "9999-12-31T23:59:59-23:59",
            "0001-01-01T00:00:00+23:59",
            1646125200,
            "now",
        ],
    )
    async def test_an_instant_has_an_offset_and_lies_in_this_century(self, caller: Caller, instant: object) -> None:
        answer = await caller.course(effective_at=instant)
        assert (answer.status_code, answer.json()["parameter"]) == (422, "effective_at")

    async def test_an_unknown_field_is_named(self, caller: Caller) -> None:
        answer = await caller.course(azure="AZ-900")
        assert answer.status_code == 422
        assert "azure" in answer.json()["detail"]

    async def test_what_there_is_not_is_a_problem_too(self, caller: Caller) -> None:
        for answer, status in (
            (await caller.http.get("/certification/v1/nothing"), 404),
            (await caller.http.delete("/certification/v1/partners"), 405),
        ):
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"


class TestVoids:
    """R33."""

    async def test_voiding_a_grant_takes_it_away(self, caller: Caller) -> None:
        await caller.course()
        await caller.register("R1")
        scored = (await caller.score("R1", 1, "90")).json()["fact_id"]
        void = await caller.post(f"facts/{scored}/void", reason="another person's score")
        assert void.status_code == 201
        revoked = (await caller.log())[-1]
        assert revoked["type"] == "com.sage.partnercloud.certification-revoked.v1"
        assert (revoked["data"]["grant_id"], revoked["data"]["periods"]) == (scored, [])
        fact = await caller.get(f"facts/{scored}")
        assert (fact["voided"], fact["voided_by"]) == (True, void.json()["fact_id"])

    async def test_a_held_score_can_be_voided_before_and_after_its_registration(self, caller: Caller) -> None:
        await caller.course()
        first = (await caller.score("R1", 1, "90")).json()["fact_id"]
        second = (await caller.score("R1", 2, "95", effective_at=LONG_AGO)).json()["fact_id"]
        await caller.post(f"facts/{first}/void", reason="x")
        await caller.register("R1")
        assert (await caller.log())[-1]["data"]["grant_id"] == second
        await caller.post(f"facts/{second}/void", reason="x")
        assert (await caller.log())[-1]["data"]["periods"] == []

    async def test_what_cannot_be_voided(self, caller: Caller) -> None:
        await caller.post("recognised-certifications", consultant_id="C1", product="S200P")
        recognised, certified = await caller.log()
        unknown = await caller.post("facts/never/void", reason="x")
        assert (unknown.status_code, kind_of(unknown)) == (404, "not-found")
        decision = await caller.post(f"facts/{certified['id']}/void", reason="x")
        assert (decision.status_code, kind_of(decision), decision.json()["rule"]) == (422, "not-voidable", "R33")
        ahead = await caller.post(f"facts/{recognised['id']}/void", reason="x", effective_at=FAR_AHEAD)
        assert (ahead.status_code, ahead.json()["rule"]) == (422, "R36")
        void = await caller.post(f"facts/{recognised['id']}/void", key="void", reason="x")
        again = await caller.post(f"facts/{recognised['id']}/void", reason="x")
        assert (again.status_code, kind_of(again)) == (409, "already-voided")
        replayed = await caller.post(f"facts/{recognised['id']}/void", key="void", reason="x")
        assert (replayed.status_code, replayed.content) == (200, void.content)
        of_void = await caller.post(f"facts/{void.json()['fact_id']}/void", reason="x")
        assert (of_void.status_code, kind_of(of_void)) == (422, "not-voidable")

    async def test_a_fact_about_a_partner_can_be_voided_whatever_came_after_it(self, caller: Caller) -> None:
        linked = (await caller.post("partners/P1/consultants", consultant_id="C1")).json()["fact_id"]
        for number in range(3):
            await caller.post("partners/P1/consultants", consultant_id=f"C{number}")
        assert (await caller.post(f"facts/{linked}/void", reason="x")).status_code == 201


class TestHeld:
    """R35: a score may come before its registration, a correction before its score."""

    async def test_a_score_takes_effect_with_its_registration(self, caller: Caller) -> None:
        await caller.course()
        held = await caller.score("R1", 1, "90", effective_at=LONG_AGO)
        assert held.status_code == 202
        assert await caller.status("exam-registrations/R1") == 404
        await caller.register("R1")
        assert (await caller.log())[-1]["data"]["grant_id"] == held.json()["fact_id"]

    async def test_a_correction_waits_for_its_score(self, caller: Caller) -> None:
        await caller.course()
        await caller.register("R1")
        held = await caller.correct("R1", 1, "85")
        assert (held.status_code, held.json()["waits_for"]) == (202, {"registration_id": "R1", "attempt": 1})
        scored = await caller.score("R1", 1, "70")
        assert scored.status_code == 201
        assert (await caller.log())[-1]["data"]["grant_id"] == scored.json()["fact_id"]


class TestRegistrationAsOf:
    """R31."""

    async def test_what_was_known_then_stays_what_was_known_then(self, caller: Caller) -> None:
        """R8, R32."""
        await caller.register("R1", effective_at=LONG_AGO)
        scored = (await caller.score("R1", 1, "82", effective_at=LONG_AGO)).json()["recorded_at"]
        corrected = (await caller.correct("R1", 1, "78", effective_at=LATER)).json()["recorded_at"]

        async def asked(at: str, known_at: str) -> tuple[object, ...]:
            found = await caller.get("exam-registrations/R1", at=at, known_at=known_at)
            return found["state"], found["attempts_left"], [each["score"] for each in found["attempts"]]

        assert await asked(LATER, scored) == ("passed", 0, ["82"])
        assert await asked(LATER, corrected) == ("open", 1, ["78"])
        assert await asked("2022-03-31T23:59:59.999999Z", corrected) == ("passed", 0, ["82"])
        assert await asked("2022-02-01T00:00:00Z", corrected) == ("open", 2, [])
        await caller.score("R1", 2, "79.99", effective_at=LATER)
        assert (await caller.get("exam-registrations/R1"))["state"] == "exhausted"

    async def test_what_will_be_known_is_not_known(self, caller: Caller) -> None:
        await caller.register("R1")
        answer = await caller.http.get(PREFIX + "exam-registrations/R1", params={"known_at": FAR_AHEAD})
        assert (answer.status_code, kind_of(answer)) == (422, "known-in-the-future")

    async def test_at_the_instant_asked_for(self, caller: Caller) -> None:
        registered = (await caller.register("R1")).json()["recorded_at"]
        assert (await caller.get("exam-registrations/R1", known_at=registered))["known_at"] == registered


class TestFeed:
    """The facts in order, as CloudEvents."""

    async def test_a_batch_of_what_came_after(self, caller: Caller) -> None:
        for number in range(5):
            await caller.course(f"C{number}")
        response = await caller.http.get(PREFIX + "events", params={"after": 2, "limit": 2})
        assert response.headers["content-type"] == "application/cloudevents-batch+json"
        assert [event["position"] for event in response.json()] == [3, 4]
        assert {event["specversion"] for event in response.json()} == {"1.0"}

    async def test_whoever_waits_is_told_at_once(self, caller: Caller) -> None:

        waiting = asyncio.create_task(caller.get("events", after=0, timeout=30))
        await asyncio.sleep(0.1)
        await caller.course()
        async with asyncio.timeout(10):
            assert [event["position"] for event in await waiting] == [1]

    async def test_waiting_ends(self, caller: Caller) -> None:
        assert await caller.get("events", after=0, timeout=1) == []

    async def test_a_fact_is_found_by_its_key(self, caller: Caller) -> None:
        await caller.course(key="k/1?&=")
        assert (await caller.get("facts", idempotency_key="k/1?&="))["data"]["consultant_id"] == "C1"
        assert await caller.status("facts", idempotency_key="never") == 404
        assert await caller.status("facts/never") == 404


async def test_health(caller: Caller) -> None:
    for path in ("/certification/healthz", "/certification/readyz"):
        answer: httpx.Response = await caller.http.get(path)
        assert answer.status_code == 200
