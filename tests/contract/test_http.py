"""The HTTP interface that callers rely on: nothing in this table may go or change its name."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.systems import System

AS_OF: Final = {"at", "known_at", "known_position", "min_position"}
FEED: Final = {"after", "limit", "timeout", "type", "partner_id", "product", "Last-Event-ID"}
PAGE: Final = {"after", "limit"}
WEBHOOKS: Final = "/compliance/v1/webhook-endpoints"
ATTEMPTS: Final = "/certification/v1/exam-registrations/{registration_id}/attempts"


SEALED_LOGS: Final = ("/audit/v1", "/audit/v1/compliance", "/audit/v1/claim-log")


def sealed(log: str) -> Iterator[str]:
    """The paths of a sealed log (C2SP tlog-tiles); a tile's number has parts, and a partial one its width."""
    yield f"{log}/checkpoint"
    for number in ("{a}", "{a}/{b}", "{a}/{b}/{c}", "{a}/{b}/{c}/{d}"):
        yield f"{log}/tile/{{level}}/{number}"
        yield f"{log}/tile/entries/{number}"


TABLES: Final = (
    "/audit/v1/claims",
    "/audit/v1/partners/{partner_id}/changes",
    "/audit/v1/what-ifs",
    "/audit/v1/what-ifs/{what_if_id}/differences",
    "/certification/v1/exam-registrations",
    "/certification/v1/held-facts",
    "/certification/v1/recorded-facts",
    "/compliance/v1/consultants",
    "/compliance/v1/facts-without-effect",
    "/compliance/v1/facts/{fact_id}/events",
    "/compliance/v1/maintenance",
    "/compliance/v1/partners",
    "/compliance/v1/partners/{partner_id}/consultants",
    "/compliance/v1/partners/{partner_id}/standings",
    "/compliance/v1/partners/{partner_id}/timeline",
    "/compliance/v1/portal-changes",
    "/compliance/v1/portal-changes/{portal_change_id}/notifications",
    "/compliance/v1/processes",
    "/compliance/v1/recorded-events",
    "/compliance/v1/suspensions",
    "/compliance/v1/windows",
    WEBHOOKS,
    f"{WEBHOOKS}/{{endpoint_id}}/attempts",
    f"{WEBHOOKS}/{{endpoint_id}}/parked",
)
"""Lists that are answered as CSV, too."""

OFFERED: Final[list[tuple[str, str, set[str]]]] = [
    # facts in
    ("post", "/certification/v1/partners", {"Idempotency-Key"}),
    ("post", "/certification/v1/partners/{partner_id}/kind-changes", {"Idempotency-Key"}),
    ("post", "/certification/v1/partners/{partner_id}/programme-changes", {"Idempotency-Key"}),
    ("post", "/certification/v1/partners/{partner_id}/closure", {"Idempotency-Key"}),
    ("post", "/certification/v1/partners/{partner_id}/merger", {"Idempotency-Key"}),
    ("post", "/certification/v1/partners/{partner_id}/consultants", {"Idempotency-Key"}),
    ("post", "/certification/v1/partners/{partner_id}/departures", {"Idempotency-Key"}),
    ("post", "/certification/v1/course-completions", {"Idempotency-Key"}),
    ("post", "/certification/v1/exam-registrations", {"Idempotency-Key"}),
    ("post", ATTEMPTS, {"Idempotency-Key"}),
    ("post", f"{ATTEMPTS}/{{attempt}}/corrections", {"Idempotency-Key"}),
    ("put", f"{ATTEMPTS}/{{attempt}}", set()),
    ("put", "/certification/v1/partners/{partner_id}/consultants", set()),
    ("post", "/certification/v1/recognised-certifications", {"Idempotency-Key"}),
    ("post", "/certification/v1/certification-revocations", {"Idempotency-Key"}),
    ("post", "/certification/v1/portal-changes", {"Idempotency-Key"}),
    ("post", "/certification/v1/portal-changes/{portal_change_id}/corrections", {"Idempotency-Key"}),
    ("post", "/certification/v1/policy-revisions", {"Idempotency-Key"}),
    ("post", "/certification/v1/facts/{fact_id}/void", {"Idempotency-Key"}),
    ("post", "/certification/v1/batches", {"validate_only", "history", "show_facts"}),
    # what was recorded
    ("get", "/certification/v1/exam-registrations", {"consultant_id", "at", "known_at", "after", "limit"}),
    ("get", "/certification/v1/exam-registrations/{registration_id}", {"at", "known_at"}),
    ("get", "/certification/v1/facts/{fact_id}", set()),
    ("get", "/certification/v1/facts", {"idempotency_key"}),
    ("get", "/certification/v1/held-facts", {"after", "limit"}),
    (
        "get",
        "/certification/v1/recorded-facts",
        {"after", "limit", "consultant_id", "partner_id", "correlation_id", "causation_id", "about", "type"},
    ),
    ("delete", "/certification/v1/facts/{fact_id}/free-text", set()),
    ("get", "/certification/v1/consultants/{consultant_id}/profile", set()),
    ("put", "/certification/v1/consultants/{consultant_id}/profile", set()),
    ("delete", "/certification/v1/consultants/{consultant_id}/profile", set()),
    ("get", "/certification/v1/partners/{partner_id}/profile", set()),
    ("put", "/certification/v1/partners/{partner_id}/profile", set()),
    ("delete", "/certification/v1/partners/{partner_id}/profile", set()),
    ("get", "/certification/v1/events", FEED),
    # answers out
    ("get", "/compliance/v1/partners", {"status", "product", *PAGE, *AS_OF}),
    ("get", "/compliance/v1/partners/{partner_id}", AS_OF),
    ("get", "/compliance/v1/partners/{partner_id}/compliance/{product}", AS_OF),
    ("get", "/compliance/v1/partners/{partner_id}/authorisations/{product}", {"customer", *AS_OF}),
    ("get", "/compliance/v1/partners/{partner_id}/timeline", AS_OF),
    ("get", "/compliance/v1/partners/{partner_id}/standings", {"limit", *AS_OF}),
    ("get", "/compliance/v1/partners/{partner_id}/comparison", {"happened", *AS_OF}),
    ("get", "/compliance/v1/partners/{partner_id}/consultants", {"product", "certified", *PAGE, *AS_OF}),
    ("get", "/compliance/v1/consultants", {"product", "certified", "partner_id", "q", *PAGE, *AS_OF}),
    (
        "get",
        "/compliance/v1/maintenance",
        {"due_from", "due_before", "portal_change_id", "product", "partner_id", *PAGE, *AS_OF},
    ),
    *(
        ("get", f"/compliance/v1{of}/due-days.{written}", set())
        for of in ("", "/partners/{partner_id}")
        for written in ("ics", "atom")
    ),
    ("get", "/certification/v1/caller", set()),
    ("get", "/compliance/v1/names", {"partner_id", "consultant_id"}),
    ("get", "/compliance/v1/recorded-events", PAGE | {"recorded_from", "type", "partner_id", "min_position"}),
    ("get", "/compliance/v1/recorded-events/counts", {"recorded_from", "type", "newest", "min_position"}),
    ("get", "/compliance/v1/suspensions", PAGE | {"product", "min_position"}),
    ("get", "/compliance/v1/totals", {"first", "min_position"}),
    ("get", "/compliance/v1/facts-without-effect", AS_OF | PAGE | {"partner_id", "consultant_id", "reason", "order"}),
    ("get", "/audit/v1/explanations/partners/{partner_id}/{product}", AS_OF),
    ("get", "/audit/v1/claims", PAGE | {"partner_id"}),
    ("post", "/audit/v1/what-ifs", set()),
    ("get", "/audit/v1/what-ifs", set()),
    ("get", "/audit/v1/what-ifs/{what_if_id}", {"timeout", *PAGE}),
    ("delete", "/audit/v1/what-ifs/{what_if_id}", set()),
    ("get", "/audit/v1/partners/{partner_id}/changes", PAGE | {"at", "known_from", "known_to", "min_position"}),
    ("get", "/compliance/v1/consultants/{consultant_id}/certifications", AS_OF),
    ("get", "/compliance/v1/consultants/{consultant_id}/certifications/{product}", AS_OF),
    ("get", "/compliance/v1/portal-changes", PAGE | AS_OF),
    ("get", "/compliance/v1/portal-changes/{portal_change_id}", AS_OF),
    ("get", "/compliance/v1/portal-changes/{portal_change_id}/notifications", AS_OF),
    ("get", "/compliance/v1/portal-changes/{portal_change_id}/progress", {"partner_id", "min_position"}),
    ("get", "/compliance/v1/policy", {"coming", *AS_OF}),
    ("get", "/compliance/v1/windows", {"status", "due_before", *PAGE, *AS_OF}),
    ("post", "/compliance/v1/previews", set()),
    ("get", "/compliance/v1/events", FEED),
    ("get", "/compliance/v1/events/{event_id}", set()),
    ("get", "/compliance/v1/processes", set()),
    ("get", "/compliance/v1/facts/{fact_id}/events", PAGE | {"min_position"}),
    # webhooks
    ("post", WEBHOOKS, {"Idempotency-Key"}),
    ("get", WEBHOOKS, PAGE),
    ("get", f"{WEBHOOKS}/{{endpoint_id}}", {"If-Match"}),
    ("patch", f"{WEBHOOKS}/{{endpoint_id}}", {"If-Match"}),
    ("delete", f"{WEBHOOKS}/{{endpoint_id}}", {"If-Match"}),
    ("post", f"{WEBHOOKS}/{{endpoint_id}}/secret-rotations", {"If-Match"}),
    ("post", f"{WEBHOOKS}/{{endpoint_id}}/replays", {"If-Match"}),
    ("post", f"{WEBHOOKS}/{{endpoint_id}}/tests", set()),
    ("get", f"{WEBHOOKS}/{{endpoint_id}}/attempts", PAGE),
    ("post", f"{WEBHOOKS}/{{endpoint_id}}/dry-runs", set()),
    ("get", f"{WEBHOOKS}/{{endpoint_id}}/parked", PAGE),
    ("post", f"{WEBHOOKS}/{{endpoint_id}}/releases", {"If-Match"}),
    ("post", f"{WEBHOOKS}/{{endpoint_id}}/retries", {"If-Match"}),
    ("post", f"{WEBHOOKS}/{{endpoint_id}}/resends", set()),
    # every list is a table, too
    *(("get", f"{path}.csv", set()) for path in TABLES),
    # sealed logs
    *(("get", path, set()) for log in SEALED_LOGS for path in sealed(log)),
    ("get", "/certification/v1/facts/{fact_id}/proof", set()),
    ("get", "/audit/v1/exports", {"partner_id", "until"}),
    # sandbox
    ("get", "/sandbox/v1/clock", set()),
    ("put", "/sandbox/v1/clock", set()),
    ("post", "/sandbox/v1/reset", set()),
]  # fmt: skip
"""(method, path, parameters that it takes beside those of the path)."""


@pytest.fixture
def paths(system: System) -> dict[str, Any]:
    """The paths of the documentation that the system gives of itself."""
    documented: dict[str, Any] = system.http.get("/openapi.json").json()["paths"]
    return documented


def test_everything_that_callers_rely_on_is_offered(paths: dict[str, Any]) -> None:
    for method, path, parameters in OFFERED:
        assert method in paths.get(path, {}), f"{method.upper()} {path} is gone"
        taken = {one["name"].lower() for one in paths[path][method].get("parameters", [])}
        assert {name.lower() for name in parameters} <= taken, f"{method.upper()} {path} takes {sorted(taken)}"


def test_everything_that_is_offered_is_in_the_table(paths: dict[str, Any]) -> None:
    listed = {(method, path) for method, path, _ in OFFERED}
    offered = {(method, path) for path, methods in paths.items() for method in methods}
    assert {path for _, path in offered - listed} <= {
        "/audit/healthz",
        "/audit/readyz",
        "/certification/healthz",
        "/certification/readyz",
        "/compliance/healthz",
        "/compliance/readyz",
    }


def test_every_operation_is_described_and_refuses_with_problems(paths: dict[str, Any]) -> None:
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method.upper()} {path} is not described"
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert set(answer.get("content", {})) <= {"application/problem+json"}, f"{method} {path} {status}"


def test_an_unknown_path_is_a_problem(system: System) -> None:
    for path in ("/certification/v1/nothing", "/compliance/v1/nothing", "/sandbox/v1/nothing", "/nothing"):
        answer = system.http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
