"""The system as processes, all in one and apart, gives the same answers over HTTP."""

import pytest

from tests.systems import System


def authorise(system: System) -> int:
    """A developer-only partner with one certified consultant; the position of the last fact."""
    facts = (
        ("partners", {"partner_id": "P1", "kind": "DEVELOPER", "programme": "PARTNER_SUCCESS"}),
        ("partners/P1/consultants", {"consultant_id": "C1"}),
        ("recognised-certifications", {"consultant_id": "C1", "product": "S200P"}),
    )
    for number, (path, body) in enumerate(facts):
        answer = system.record(path, f"fact-{number}", **body)
        assert answer.status_code == 201, answer.text
    return int(answer.json()["position"])


@pytest.mark.parametrize("kind", ["system", "split_system"])
def test_a_fact_posted_to_one_service_is_answered_by_the_other(kind: str, request: pytest.FixtureRequest) -> None:
    system: System = request.getfixturevalue(kind)
    position = authorise(system)
    answer = system.http.get("/compliance/v1/partners/P1/compliance/S200P", params={"min_position": position})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "compliant"
    assert answer.headers["X-Sandbox"] == "true"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("kind", ["system", "split_system"])
def test_a_reset_system_is_empty(kind: str, request: pytest.FixtureRequest) -> None:
    system: System = request.getfixturevalue(kind)
    authorise(system)
    system.reset()
    assert system.http.get("/certification/v1/events", params={"after": 0}).json() == []
    assert system.http.get("/compliance/v1/partners/P1/compliance/S200P").status_code == 404
