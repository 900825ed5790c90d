"""Personal data are kept apart from the facts, and erased without touching them."""

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


async def test_the_same_reason_twice_has_two_hashes(caller: Caller) -> None:
    for _ in range(2):
        await caller.post("partners/P1/departures", consultant_id="C1", reason="Jo Smith")
    one, other = await caller.log()
    assert one["data"]["reason_hash"] != other["data"]["reason_hash"]
