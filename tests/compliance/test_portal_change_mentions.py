"""A portal change is known from the first fact that names it, declared or not."""

from tests.systems import System


def test_a_training_mentions_the_portal_change_that_it_is_for(system: System) -> None:
    path = "/compliance/v1/portal-changes/CH1/notifications"
    assert system.http.get(path).status_code == 404
    training = {"consultant_id": "C1", "product": "S200P", "portal_change_id": "CH1"}
    position = system.record("course-completions", "k1", **training).json()["position"]
    answer = system.http.get(path, params={"min_position": position})
    assert (answer.status_code, answer.json()["notified"]) == (200, [])
    assert system.http.get(path, params={"known_position": position - 1}).status_code == 404
    assert system.http.get("/compliance/v1/portal-changes/CH2/notifications").status_code == 404
