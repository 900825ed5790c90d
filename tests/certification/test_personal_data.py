"""Personal data are kept apart from the facts, and erased without touching them."""

import psycopg

from tests.certification.caller import PREFIX, Caller


async def test_a_profile_comes_and_goes(caller: Caller) -> None:
    path = "consultants/C1/profile"
    assert await caller.status(path) == 404
    profile = {"name": "Zoë Ångström", "email": "zoe@example.org"}
    assert (await caller.http.put(PREFIX + path, json=profile)).status_code == 200
    assert await caller.get(path) == {"consultant_id": "C1", **profile}
    assert (await caller.http.delete(PREFIX + path)).status_code == 204
    assert (await caller.http.delete(PREFIX + path)).status_code == 204
    assert await caller.status(path) == 404
    assert await caller.log() == []


async def test_a_reason_can_be_erased_and_then_nobody_can_guess_it(caller: Caller) -> None:
    body = {"consultant_id": "C1", "reason": "Jo Smith moved to Leeds"}
    left = (await caller.post("partners/P1/departures", key="k1", **body)).json()["fact_id"]
    fact = await caller.get(f"facts/{left}")
    assert fact["free_text"] == "Jo Smith moved to Leeds"
    assert "Smith" not in str(fact["data"])
    assert (await caller.http.delete(PREFIX + f"facts/{left}/free-text")).status_code == 204
    erased = await caller.get(f"facts/{left}")
    assert erased == {**fact, "free_text": None}, "the fact itself does not change"
    again = await caller.post("partners/P1/departures", key="k1", **body)
    assert again.status_code == 422, "whether the text was the same can no longer be told"


async def test_a_reason_that_was_changed_in_the_database_is_not_given_out(
    caller: Caller, owner: psycopg.Connection
) -> None:
    """The fact holds the hash of the text that came with it; nobody can fit another text to that."""
    left = (await caller.post("partners/P1/departures", key="k1", consultant_id="C1", reason="Moved to Leeds")).json()
    fact = await caller.get(f"facts/{left['fact_id']}")
    assert (fact["free_text"], fact["free_text_altered"]) == ("Moved to Leeds", False)
    owner.execute("UPDATE certification.free_text SET text = 'Dismissed'")
    assert await caller.get(f"facts/{left['fact_id']}") == {**fact, "free_text": None, "free_text_altered": True}


async def test_the_same_reason_twice_has_two_hashes(caller: Caller) -> None:
    for _ in range(2):
        await caller.post("partners/P1/departures", consultant_id="C1", reason="Jo Smith")
    one, other = await caller.log()
    assert one["data"]["reason_hash"] != other["data"]["reason_hash"]


ENROLMENT = {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS", "name": "Harbour Møller Ltd"}


async def test_the_name_of_an_enrolment_becomes_the_profile_of_the_partner(caller: Caller) -> None:
    """Recorded with the fact, repeated without harm, replaced by a later name, and never in the fact."""
    path = "partners/P1/profile"
    assert await caller.status(path) == 404
    enrolled = (await caller.post("partners", key="k1", **ENROLMENT)).json()
    assert await caller.get(path) == {"partner_id": "P1", "name": "Harbour Møller Ltd"}
    fact = await caller.get(f"facts/{enrolled['fact_id']}")
    assert (fact["free_text"], fact["data"]) == (None, {k: v for k, v in ENROLMENT.items() if k != "name"})
    assert (await caller.http.put(PREFIX + path, json={"name": "Harbour"})).status_code == 200
    repeated = await caller.post("partners", key="k1", **ENROLMENT)
    assert (repeated.status_code, repeated.json()) == (200, enrolled)
    assert (await caller.get(path))["name"] == "Harbour", "a repeated call records nothing"
    await caller.post("partners", **{**ENROLMENT, "name": "Haven"})
    assert (await caller.get(path))["name"] == "Haven"


async def test_an_erased_name_of_a_partner_cannot_be_guessed(caller: Caller) -> None:
    """Its salt goes with it, by whichever call; a name that was given since stays."""
    path = "partners/P1/profile"
    enrolled = (await caller.post("partners", key="k1", **ENROLMENT)).json()["fact_id"]
    assert (await caller.http.delete(PREFIX + path)).status_code == 204
    assert await caller.status(path) == 404
    assert (await caller.post("partners", key="k1", **ENROLMENT)).status_code == 422
    again = (await caller.post("partners", **ENROLMENT)).json()["fact_id"]
    assert (await caller.http.delete(PREFIX + f"facts/{again}/free-text")).status_code == 204
    assert await caller.status(path) == 404
    await caller.http.put(PREFIX + path, json={"name": "Harbour"})
    assert (await caller.http.delete(PREFIX + f"facts/{enrolled}/free-text")).status_code == 204
    assert (await caller.get(path))["name"] == "Harbour"
