"""System: what is ready, which processes live, and the clock of a sandbox."""

from time import sleep

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.console.conftest import Visit
from tests.console.html import text, token
from tests.console.services import Answer, Services, problem
from tests.systems import System

BEATS_MAX = 200
PROCESS = {"held_by": "host:1", "beat_at": "2026-11-30T15:00:00Z", "alive": True, "trouble": None}
FOLLOWER = {**PROCESS, "role": "follower", "leads": True, "endpoints": None}
DISPATCHER = {**PROCESS, "role": "dispatcher", "alive": False, "leads": None, "endpoints": 0}
VERSIONS = {
    "now": "2026-11-30T15:00:00Z", "version": "0.1.0", "engine": "eef110a2", "postgresql": "18.6",
    "policy_id": "2021-08", "products": ["S200P"],
}  # fmt: skip


class Sandbox(Services):
    """Services whose every answer says that they are a sandbox."""

    async def _answer(self, request: Request) -> Response:
        answer = await super()._answer(request)
        answer.headers["X-Sandbox"] = "true"
        return answer


def answers() -> dict[str, Answer]:
    behind = {"facts_behind": 3, "position": 108, "known_through": "2026-11-30T14:59:00Z", "events": 50}
    return {
        "/compliance/readyz": {**behind, "claims_waiting": 0, "claims_dropped": 0},
        "/audit/readyz": lambda _: problem(503, "No sealer has sent a heartbeat for 10 seconds."),
        "/compliance/v1/processes": {**VERSIONS, "processes": [FOLLOWER, DISPATCHER]},
    }


async def test_lag_processes_and_faults_are_sentences(visit: Visit) -> None:
    said = text(await visit(Services(answers())).get("/system"))
    assert "Facts not yet applied 3" in said
    assert "No sealer has sent a heartbeat for 10 seconds." in said
    assert "Follower host:1 Alive works out how every partner stands" in said
    assert "Dispatcher host:1 Gone nothing any more" in said
    assert "Sandbox clock" not in said


async def test_the_clock_of_a_sandbox_is_moved_by_steps_and_to_an_instant(visit: Visit) -> None:
    clock = {"now": "2026-07-01T08:00:00Z", "running": True}
    said = Sandbox({**answers(), "/sandbox/v1/clock": lambda _: JSONResponse(clock)})
    browser = visit(said)
    form = {"csrf": token(await browser.get("/system"))}
    for given, sent in (
        ({"step": "day"}, {"now": "2026-07-02T08:00:00Z", "running": True}),
        ({"now": "2026-07-05T09:30"}, {"now": "2026-07-05T08:30:00Z", "running": False}),
        ({"now": "2026-07-05T09:30", "running": "yes"}, {"now": "2026-07-05T08:30:00Z", "running": True}),
    ):
        done = await browser.post("/system/clock", data={**form, **given})
        assert (done.status_code, msgspec.json.decode(said.asked[-1][3])) == (303, sent)
    assert (await browser.post("/system/clock", data={**form, "step": "year"})).status_code == 422
    said.answers["/sandbox/v1/clock"] = lambda request: (
        JSONResponse(clock) if request.method == "GET" else problem(409, "Only a reset goes back.")
    )
    back = await browser.post("/system/clock", data={**form, "now": "2026-01-01T00:00"})
    assert (back.status_code, "Only a reset goes back." in text(back)) == (409, True)


def test_the_processes_that_run_are_listed(system: System) -> None:
    for _ in range(BEATS_MAX):
        answer = system.http.get("/compliance/v1/processes").json()
        alive = {process["role"] for process in answer["processes"] if process["alive"] and not process["trouble"]}
        if alive == {"follower", "dispatcher"}:
            break
        sleep(0.1)
    assert alive == {"follower", "dispatcher"}
    assert {"version", "engine", "postgresql"} <= set(answer)
    assert (answer["policy_id"], answer["products"]) == ("2021-08", ["S200P", "S200S"])
    assert system.http.get("/compliance/v1/processes?limit=1").status_code == 422
