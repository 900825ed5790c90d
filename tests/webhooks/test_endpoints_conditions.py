"""Changes on condition (If-Match), and registrations under a key (Idempotency-Key)."""

import asyncio
from typing import Any, Final

import httpx
import pytest

from tests.webhooks.calling import ENDPOINTS, URL, Caller

OTHER: Final = '"999-active"'


async def send(caller: Caller, method: str, path: str = "", body: Any = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await caller.http.request(method, f"{ENDPOINTS}{path}", json=body, headers=named)


async def tag(caller: Caller, endpoint_id: str) -> str:
    return (await send(caller, "GET", f"/{endpoint_id}")).headers["etag"]


CHANGES: Final = [
    pytest.param("PATCH", "", {"description": "other"}, 200, id="change"),
    pytest.param("POST", "/replays", {"from": "origin"}, 202, id="replay"),
    pytest.param("POST", "/secret-rotations", None, 201, id="rotation"),
    pytest.param("POST", "/releases", None, 202, id="release"),
    pytest.param("POST", "/retries", None, 202, id="retry"),
    pytest.param("DELETE", "", None, 204, id="deletion"),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), CHANGES)
async def test_a_change_is_made_to_what_was_seen_only(
    caller: Caller, method: str, path: str, body: Any, status: int
) -> None:
    endpoint_id = (await caller.register())["endpoint_id"]
    seen = await tag(caller, endpoint_id)
    before = caller.sql("SELECT revision FROM webhooks.endpoint")
    for unseen in (OTHER, f"W/{seen}", f"{OTHER}, W/{seen}"):
        refused = await send(caller, method, f"/{endpoint_id}{path}", body, if_match=unseen)
        assert refused.status_code == 412, refused.text
        assert refused.json()["type"].endswith(":precondition-failed")
        assert seen in refused.json()["detail"]
    assert caller.sql("SELECT revision FROM webhooks.endpoint") == before
    taken = await send(caller, method, f"/{endpoint_id}{path}", body, if_match=f" {OTHER} ,{seen}")
    assert taken.status_code == status, taken.text
    if method != "DELETE":
        again = await send(caller, method, f"/{endpoint_id}{path}", body, if_match=seen)
        assert again.status_code == 412, "it was changed since"
        assert taken.headers.get("etag", await tag(caller, endpoint_id)) == await tag(caller, endpoint_id)
    anything = await send(caller, method, f"/{endpoint_id}{path}", body, if_match="*")
    assert anything.status_code == (404 if method == "DELETE" else status)


async def test_what_is_answered_names_the_present_state(caller: Caller) -> None:
    registered = await send(caller, "POST", body={"url": URL})
    endpoint_id = registered.json()["endpoint_id"]
    assert registered.headers["etag"] == await tag(caller, endpoint_id)
    patched = await send(caller, "PATCH", f"/{endpoint_id}", {"state": "paused"})
    assert patched.headers["etag"] == await tag(caller, endpoint_id) != registered.headers["etag"]
    caller.sql("UPDATE webhooks.endpoint SET state = 'disabled', disabled_because = 'gone'")
    assert await tag(caller, endpoint_id) != patched.headers["etag"], "it was disabled for its owner"


async def test_tags_over_several_lines_are_one_list(caller: Caller) -> None:
    endpoint_id = (await caller.register())["endpoint_id"]
    headers = [("If-Match", OTHER), ("If-Match", await tag(caller, endpoint_id))]
    found = await caller.http.get(f"{ENDPOINTS}/{endpoint_id}", headers=headers)
    assert found.status_code == 200


@pytest.mark.parametrize("written", ["3-active", '"', '"a" "b"', '"a"; "b"', "W/", "*, *", '"\x01"', "w/'a'"])
async def test_what_is_no_list_of_tags_is_refused(caller: Caller, written: str) -> None:
    endpoint_id = (await caller.register())["endpoint_id"]
    headers = [(b"If-Match", written.encode())]
    refused = await caller.http.delete(f"{ENDPOINTS}/{endpoint_id}", headers=headers)
    assert (refused.status_code, refused.json().get("parameter")) == (422, "if-match")


async def test_of_two_who_have_seen_the_same_one_changes_it(caller: Caller) -> None:
    endpoint_id = (await caller.register())["endpoint_id"]
    seen = await tag(caller, endpoint_id)
    answers = await asyncio.gather(
        *(send(caller, "PATCH", f"/{endpoint_id}", {"description": str(n)}, if_match=seen) for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


async def test_the_same_registration_again_is_the_same_endpoint_with_the_same_secret(caller: Caller) -> None:
    first = await send(caller, "POST", body={"url": URL}, idempotency_key="k1")
    again = await send(caller, "POST", body={"url": URL}, idempotency_key="k1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert len(caller.sql("SELECT endpoint_id FROM webhooks.endpoint")) == 1
    another = await send(caller, "POST", body={"url": URL}, idempotency_key="k2")
    assert another.status_code == 201
    assert another.json()["endpoint_id"] != first.json()["endpoint_id"]


async def test_a_key_stands_for_one_content(caller: Caller) -> None:
    await send(caller, "POST", body={"url": URL}, idempotency_key="k1")
    refused = await send(caller, "POST", body={"url": URL, "batch_max": 2}, idempotency_key="k1")
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:sagecert:problem:idempotency-key-reused")
    assert refused.json()["rule"] == "R34"


async def test_a_refused_registration_does_not_use_the_key_up(caller: Caller) -> None:
    refused = await send(caller, "POST", body={"url": URL, "start": {"position": 10**6}}, idempotency_key="k1")
    assert refused.status_code == 422
    assert (await send(caller, "POST", body={"url": URL}, idempotency_key="k1")).status_code == 201


async def test_calls_at_once_with_one_key_register_one_endpoint(caller: Caller) -> None:
    answers = await asyncio.gather(*(send(caller, "POST", body={"url": URL}, idempotency_key="k1") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({(answer.json()["endpoint_id"], answer.json()["secret"]) for answer in answers}) == 1


async def test_what_became_of_the_endpoint_is_told(caller: Caller) -> None:
    """The endpoint as it is now; no secret once the first is replaced; 404 once it is deleted."""
    first = (await send(caller, "POST", body={"url": URL}, idempotency_key="k1")).json()
    endpoint_id = first["endpoint_id"]
    await send(caller, "PATCH", f"/{endpoint_id}", {"description": "other"})
    await send(caller, "POST", f"/{endpoint_id}/secret-rotations")
    again = (await send(caller, "POST", body={"url": URL}, idempotency_key="k1")).json()
    assert (again["description"], again["secret"]) == ("other", first["secret"])
    caller.sql("UPDATE webhooks.secret SET expires_at = now() - interval '1 hour' WHERE number = 1")
    assert "secret" not in (await send(caller, "POST", body={"url": URL}, idempotency_key="k1")).json()
    await send(caller, "DELETE", f"/{endpoint_id}")
    gone = await send(caller, "POST", body={"url": URL}, idempotency_key="k1")
    assert gone.status_code == 404, "a late repetition brings nothing back"
    caller.sql("UPDATE webhooks.registration SET registered_at = now() - interval '8 days'")
    assert (await send(caller, "POST", body={"url": URL}, idempotency_key="k1")).status_code == 201


@pytest.mark.parametrize("keys", [["a b"], [""], ["x" * 256], ["\u00e9"], ["a", "a"], ["a", "b"]])
async def test_what_is_no_key_is_refused(caller: Caller, keys: list[str]) -> None:
    headers = [(b"Idempotency-Key", key.encode()) for key in keys]
    refused = await caller.http.post(ENDPOINTS, json={"url": URL}, headers=headers)
    assert refused.json()["type"] == "urn:sagecert:problem:idempotency-key-missing", refused.text
