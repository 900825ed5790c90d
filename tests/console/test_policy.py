"""The policy: what holds, what comes, and whom a revision would have changed."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.console.conftest import Visit
from tests.console.html import text
from tests.console.services import MOMENT, Services, problem
from tests.console.test_record import services, typed

BY = {"policy_id": "2021-08", "in_force_from": None, "fact_id": None}
POLICY: dict[str, Any] = {
    **MOMENT, "window_days": 30, "minimum": {"VAR": 2, "DEVELOPER": 1}, "programmes": ["PARTNER_SUCCESS"],
    "reminder_days": [7, 1], "products": ["S200P"], "in_force_from": None, "fact_id": None,
    "set_by": {"window_days": BY, "minimum": {"VAR": BY, "DEVELOPER": BY}, "programmes": BY, "reminder_days": BY},
    "next_change_at": "2027-01-01T00:00:00Z",
}  # fmt: skip


def policy(request: Request) -> Response:
    later = {**POLICY, "window_days": 45, "policy_id": "2027-01", "in_force_from": "2027-01-01T00:00:00Z"}
    return JSONResponse({**POLICY, "coming": [later] if "coming" in request.query_params else []})


async def test_what_holds_and_what_comes(visit: Visit) -> None:
    revision = {
        "fact_id": "F1", "data": {"policy_id": "<b>", "window_days": 45}, "voided": False,
        "effective_at": "2027-01-01T00:00:00Z", "recorded_at": "2026-11-30T15:00:00Z",
    }  # fmt: skip
    served: dict[str, Any] = {
        "/compliance/v1/policy": policy,
        "/certification/v1/recorded-facts": {"facts": [revision], "next": None},
    }
    page = await visit(Services(served)).get("/policy")
    assert "In force: 2021-08 since the beginning Days of a window 30 by 2021-08" in text(page)
    assert "Coming 1 2027-01, from 1 January 2027 Days of a window 30 → 45" in text(page)
    assert "Windows of 45 days." in text(page)
    assert "<b>" not in page.text


def what_if(state: str) -> dict[str, Any]:
    counts = {"headcount": 1, "minimum": 2}
    suspensions = [{"from": "2026-11-01T00:00:00Z", "to": None}]
    standing = {"status": "suspended", "windows": [], "suspensions": suspensions, **counts}
    differing = {"partner_id": "cedar", "product": "S200P", "actual": standing}
    differing |= {"hypothetical": {"status": "in_window", "windows": [], "suspensions": [], **counts}}
    return {
        "what_if_id": "W1", "state": state, "failure": None, "partners": 7, "partners_done": 7, "differing": 1,
        "differences": [differing], "next": None,
    }  # fmt: skip


async def test_a_revision_shows_whom_it_would_have_changed_and_then_asks(visit: Visit) -> None:
    served = services(
        **{
            "/audit/v1/what-ifs": lambda _: JSONResponse({"what_if_id": "W1"}, 202),
            "/audit/v1/what-ifs/W1": lambda request: JSONResponse(
                what_if("done" if float(request.query_params.get("timeout", 0)) > 0 else "running")
            ),
            "/compliance/v1/policy": policy,
        }
    )
    fields = {"policy_id": "2027-01", "window_days": "45", "reason": "asked for"}
    page = await typed(visit(served), "policy-revision", "preview", **fields)
    assert "1 partner would have another standing today." in text(page)
    assert "cedar S200P Suspended 1 of 2 suspended from 1 November 2026 In window 1 of 2" in text(page)
    assert "Record it" in text(page)
    asked = [(path, content) for method, path, _, content in served.asked if method == "POST"]
    assert ("/audit/v1/what-ifs", b'{"window_days":45}') in asked


async def test_a_revision_can_be_recorded_by_who_may_not_ask_what_if(visit: Visit) -> None:
    served = services(**{"/audit/v1/what-ifs": lambda _: problem(403, "The key does not have the scope.")})
    page = await typed(visit(served), "policy-revision", "preview", policy_id="P", window_days="45", reason="r")
    assert "The key does not have the scope." in text(page)
    assert "Record it" in text(page)
