"""Names by id, for lists that hold ids alone."""

from tests.systems import System

NAMES = "/compliance/v1/names"


def test_who_has_a_name_is_called_by_it(system: System) -> None:
    partner = {"kind": "VAR", "programme": "PARTNER_SUCCESS"}
    system.record("partners", "k1", partner_id="cedar", name="Cedar Ltd", **partner)
    system.record("partners", "k2", partner_id="nameless", **partner)
    profile = {"name": "Ben Okafor", "email": "ben@partner.example"}
    assert system.http.put("/certification/v1/consultants/ben/profile", json=profile).status_code == 200
    asked = {"partner_id": ["cedar", "nameless", "nobody"], "consultant_id": ["ben", "cedar"]}
    said = {"partners": {"cedar": "Cedar Ltd"}, "consultants": {"ben": "Ben Okafor"}}
    assert system.http.get(NAMES, params=asked).json() == said
    assert system.http.delete("/certification/v1/consultants/ben/profile").is_success
    assert system.http.get(NAMES, params=asked).json() == {**said, "consultants": {}}
    assert system.http.get(NAMES).json() == {"partners": {}, "consultants": {}}


def test_at_most_two_hundred_are_named_at_once(system: System) -> None:
    ids = [f"P{number}" for number in range(200)]
    assert system.http.get(NAMES, params={"partner_id": ids}).status_code == 200
    assert system.http.get(NAMES, params={"partner_id": [*ids, "P200"]}).status_code == 422
