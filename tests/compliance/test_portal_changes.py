"""The list of portal changes: with the terms in force, latest announced first, without those that are void."""

from typing import Any

from tests.systems import System

PATH = "/compliance/v1/portal-changes"
CHANGES = "portal-changes"


def test_portal_changes_are_listed_with_the_terms_in_force(system: System) -> None:
    said: dict[str, Any] = {"products": ["S200P"], "significant": True, "due_on": "2030-06-01", "summary": "New"}
    system.record(CHANGES, "k1", portal_change_id="old", effective_at="2026-01-05T09:00:00Z", **said)
    system.record(CHANGES, "k2", portal_change_id="new", effective_at="2026-02-05T09:00:00Z", **said)
    void = system.record(CHANGES, "k3", portal_change_id="void", effective_at="2026-03-05T09:00:00Z", **said)
    before = void.json()["position"]
    corrected = system.record(f"{CHANGES}/old/corrections", "k4", due_on="2030-07-01", reason="wrong day")
    system.record(f"facts/{void.json()['fact_id']}/void", "k5", reason="wrong")
    waits = system.record(f"{CHANGES}/later/corrections", "k6", significant=False, reason="first")

    first = system.http.get(PATH, params={"limit": 1, "min_position": waits.json()["position"]}).json()
    assert [change["portal_change_id"] for change in first["portal_changes"]] == ["new"]
    second = system.http.get(PATH, params={"limit": 1, "after": first["next"]}).json()
    [old] = second["portal_changes"]
    assert (old["portal_change_id"], old["due_on"], old["corrected_by"], second["next"]) == (
        *("old", "2030-07-01", [corrected.json()["fact_id"]]),
        None,
    )
    known = system.http.get(PATH, params={"known_position": before}).json()["portal_changes"]
    assert [(change["portal_change_id"], change["due_on"]) for change in known] == [
        ("void", "2030-06-01"),
        ("new", "2030-06-01"),
        ("old", "2030-06-01"),
    ]
    assert system.http.get(PATH, params={"after": "x"}).status_code == 422
