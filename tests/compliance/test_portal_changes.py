"""The list of portal changes: with the terms in force, latest announced first, without those that are voided."""

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

    alone = system.http.get(f"{PATH}/old").json()
    assert {name: alone[name] for name in old} == old
    assert alone["position"] == waits.json()["position"]
    then = {"known_position": before}
    assert system.http.get(f"{PATH}/void", params=then).json()["due_on"] == "2030-06-01"
    for nowhere in ("void", "later", "never"):
        gone = system.http.get(f"{PATH}/{nowhere}")
        assert (gone.status_code, gone.json()["parameter"]) == (404, "portal_change_id")


def test_a_portal_change_is_known_from_the_first_fact_that_names_it(system: System) -> None:
    path = "/compliance/v1/portal-changes/CH1/notifications"
    assert system.http.get(path).status_code == 404
    training = {"consultant_id": "C1", "product": "S200P", "portal_change_id": "CH1"}
    position = system.record("course-completions", "k1", **training).json()["position"]
    answer = system.http.get(path, params={"min_position": position})
    assert (answer.status_code, answer.json()["notified"]) == (200, [])
    assert system.http.get(path, params={"known_position": position - 1}).status_code == 404
    assert system.http.get("/compliance/v1/portal-changes/CH2/notifications").status_code == 404


def test_the_progress_of_partners_says_what_was_asked_and_what_is_owed(system: System) -> None:
    """R25: ada completes the maintenance, ben owes it, and cleo was certified later."""
    early = {"effective_at": "2020-01-05T09:00:00Z"}
    system.record("partners", "p", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS", **early)
    for person in ("ada", "ben"):
        system.record("partners/P1/consultants", f"l-{person}", consultant_id=person, **early)
        system.record("recognised-certifications", f"r-{person}", consultant_id=person, product="S200P", **early)
    change: dict[str, Any] = {"products": ["S200P"], "significant": True, "due_on": "2030-06-01", "summary": "New"}
    system.record(CHANGES, "c", portal_change_id="CH1", effective_at="2020-02-05T09:00:00Z", **change)
    about = {"consultant_id": "ada", "product": "S200P", "portal_change_id": "CH1"}
    system.record("course-completions", "t", **about)
    system.record("exam-registrations", "e", registration_id="E1", **about)
    system.record("exam-registrations/E1/attempts", "a", attempt=1, score="90")
    system.record("partners/P1/consultants", "l-cleo", consultant_id="cleo")
    last = system.record("recognised-certifications", "r-cleo", consultant_id="cleo", product="S200P")
    asked = {"partner_id": ["P1", "P2"], "min_position": last.json()["position"]}
    found = system.http.get(f"{PATH}/CH1/progress", params=asked).json()
    assert found["partners"] == [{"partner_id": "P1", "asked": 2, "owed": 1}]
