"""Who may call, and who could: keys with names and scopes, issued and revoked by facts."""

import threading
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from services.certification.domain.api_key import KEYS_OF_A_NAME_MAX, KeyRefused
from services.host.api_keys.errors import NoKeyYet
from services.host.api_keys.key_commands import NewKey, list_keys
from services.web.scopes import ALLOWS, Scope
from tests.access.serving import BOOTSTRAP, actors, apart, bearer, first, issued, link, revoked, served
from tests.databases import Database

ANSWERS = "/compliance/v1/partners"
WEBHOOKS = "/compliance/v1/webhook-endpoints"
PROFILE = "/certification/v1/consultants/C1/profile"


async def status(http: httpx.AsyncClient, path: str, key: str | NewKey) -> int:
    return (await http.get(path, headers=bearer(key))).status_code


async def test_each_scope_allows_what_it_says(database: Database) -> None:
    keys = {scope: issued(database, f"of-{scope}", scope) for scope in Scope if scope is not Scope.CALENDARS}
    async with served(database) as http:
        for scope, key in keys.items():
            said = (await http.get("/certification/v1/caller", headers=bearer(key))).json()
            assert said == {"name": f"of-{scope}", "scopes": sorted(ALLOWS[scope])}
            assert await status(http, ANSWERS, key) == 200
            assert await status(http, "/certification/v1/events", key) == 200
            recorded = await link(http, key, "1")
            assert recorded.status_code == (201 if scope in (Scope.FACTS, Scope.ADMIN) else 403)
            kept = await http.put(PROFILE, json={"name": "N", "email": "E"}, headers=bearer(key))
            assert kept.status_code == (200 if scope is Scope.ADMIN else 403)
            assert await status(http, WEBHOOKS, key) == (503 if scope is Scope.ADMIN else 403), "webhooks are off here"


async def test_a_refusal_says_what_is_missing(database: Database) -> None:
    key = issued(database, "portal", Scope.READ)
    async with served(database) as http:
        refused = await link(http, key, "1")
        assert refused.json()["type"] == "urn:sagecert:problem:insufficient-scope"
        assert refused.json()["detail"] == "This call needs the scope facts; the key portal allows calendars, read."
        assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="facts"'
        unknown = await http.get(ANSWERS, headers=bearer(key.text[:-1] + ("a" if key.text[-1] != "a" else "b")))
        assert "mistyped" in unknown.json()["detail"]
        assert "wants an API key" in (await http.get(ANSWERS)).json()["detail"]


async def test_the_name_of_the_key_is_the_actor_and_the_namespace_of_idempotency_keys(database: Database) -> None:
    lms, crm = issued(database, "lms", Scope.FACTS), issued(database, "crm", Scope.FACTS)
    async with served(database, bootstrap=BOOTSTRAP) as http:
        callers: list[NewKey | str] = [lms, crm, BOOTSTRAP]
        answers = [await link(http, key, "same-key", f"C{number}") for number, key in enumerate(callers)]
        assert [answer.status_code for answer in answers] == [201, 201, 201]
        fact_ids = [answer.json()["fact_id"] for answer in answers]
        assert await actors(http, lms, fact_ids) == ["lms", "crm", "bootstrap"]
        for key, fact_id in zip(callers, fact_ids, strict=True):
            query = "/certification/v1/facts?idempotency_key=same-key"
            assert (await http.get(query, headers=bearer(key))).json()["fact_id"] == fact_id
        again = await link(http, crm, "same-key", "C1")
        assert (again.status_code, again.json()["fact_id"]) == (200, fact_ids[1])


async def test_an_endpoint_says_who_registered_and_changed_it(database: Database) -> None:
    one, two = issued(database, "crm", Scope.ADMIN), issued(database, "portal", Scope.ADMIN)
    async with served(database, webhooks=True) as http:
        body = {"url": "https://receiver.example/"}
        answers = [
            await http.post(WEBHOOKS, json=body, headers={**bearer(key), "Idempotency-Key": "k"})
            for key in (one, two, one)
        ]
        assert [answer.status_code for answer in answers] == [201, 201, 200], "idempotency keys are per caller"
        endpoint = answers[0].json()
        assert answers[2].json()["endpoint_id"] == endpoint["endpoint_id"] != answers[1].json()["endpoint_id"]
        assert (endpoint["registered_by"], endpoint["changed_by"]) == ("crm", "crm")
        path = f"{WEBHOOKS}/{endpoint['endpoint_id']}"
        changed = (await http.patch(path, json={"description": "d"}, headers=bearer(two))).json()
        assert (changed["registered_by"], changed["changed_by"]) == ("crm", "portal")
        await http.post(f"{path}/secret-rotations", headers=bearer(one))
        assert (await http.get(path, headers=bearer(one))).json()["changed_by"] == "crm"


async def test_a_rotated_key_keeps_its_name_and_what_it_recorded(database: Database) -> None:
    old = issued(database, "lms", Scope.FACTS)
    async with served(database) as http:
        recorded = await link(http, old, "k")
        new = issued(database, "lms", Scope.FACTS, rotate=True)
        again = await first(lambda: link(http, new, "k"), 200)
        assert again.json() == recorded.json()
        assert await status(http, ANSWERS, old) == 200
        assert revoked(database, "lms", superseded=True) == 1
        await first(lambda: http.get(ANSWERS, headers=bearer(old)), 401)
        assert await status(http, ANSWERS, new) == 200


async def test_a_revoked_key_stops_and_opens_nothing(database: Database) -> None:
    key = issued(database, "portal", Scope.READ)
    async with served(database) as http:
        assert await status(http, ANSWERS, key) == 200
        revoked(database, "portal")
        refused = await first(lambda: http.get(ANSWERS, headers=bearer(key)), 401)
        assert refused.json()["type"] == "urn:sagecert:problem:not-authenticated"
        assert "revoked" in refused.json()["detail"]
        assert (await http.get(ANSWERS)).status_code == 401, "the last key is gone, and the door stays closed"


async def test_without_any_key_the_caller_is_local_until_the_first_is_issued(database: Database) -> None:
    async with served(database) as http:
        recorded = await link(http, None, "k")
        assert recorded.status_code == 201
        fact = (await http.get(f"/certification/v1/facts/{recorded.json()['fact_id']}")).json()
        assert fact["actor"] == "local"
        key = issued(database, "portal", Scope.READ)
        await first(lambda: http.get(ANSWERS), 401)
        assert await status(http, ANSWERS, key) == 200


async def test_keys_used_before_keys_had_names_replay_for_the_caller_that_follows(
    database: Database, owner: psycopg.Connection
) -> None:
    async with served(database) as http:
        recorded = await link(http, None, "before")
    receipt = owner.execute("SELECT actor FROM certification.stored_events WHERE idempotency_key = 'before'").fetchone()
    assert receipt == ("api",), "as every version before has written it"
    async with served(database, bootstrap=BOOTSTRAP) as http:
        again = await link(http, BOOTSTRAP, "before")
        assert (again.status_code, again.json()) == (200, recorded.json())
        assert (await link(http, BOOTSTRAP, "before", "C9")).status_code == 422


async def test_where_others_could_reach_it_a_system_needs_a_key(database: Database) -> None:
    with pytest.raises(NoKeyYet):
        async with served(database, keyless=False):
            pass
    key = issued(database, "portal", Scope.READ)
    async with served(database, keyless=False) as http:
        assert (await http.get(ANSWERS)).status_code == 401
        assert await status(http, ANSWERS, key) == 200


def test_the_log_says_who_could_write_at_any_instant(database: Database) -> None:
    issued(database, "lms", Scope.FACTS)
    issued(database, "auditor", Scope.AUDIT, Scope.READ)
    revoked(database, "lms")
    issued(database, "lms", Scope.ADMIN)
    keys = list_keys(database.owner_url)
    assert [(key.key_name, key.scopes) for key in keys] == [
        ("lms", ("facts",)),
        ("auditor", ("audit", "read")),
        ("lms", ("admin",)),
    ]
    lms, auditor, lms_again = keys
    assert lms.revoked_at is not None
    assert lms.issued_at < auditor.issued_at < lms.revoked_at < lms_again.issued_at
    assert not any(key.in_force(lms.issued_at - timedelta(microseconds=1)) for key in keys)
    assert [key.in_force(auditor.issued_at) for key in keys] == [True, True, False]
    assert [key.in_force(lms.revoked_at) for key in keys] == [False, True, False]


def test_what_is_in_the_way_of_a_key_is_said(database: Database) -> None:
    for name in ("", "Lms", "1st", "a b", "api", "local", "bootstrap", "owner", "x" * 64, "lms\n"):
        with pytest.raises(KeyRefused):
            issued(database, name, Scope.READ)
    issued(database, "lms", Scope.READ)
    with pytest.raises(KeyRefused, match="--rotate"):
        issued(database, "lms", Scope.READ)
    for _ in range(KEYS_OF_A_NAME_MAX - 1):
        issued(database, "lms", Scope.READ, rotate=True)
    with pytest.raises(KeyRefused, match="no longer uses"):
        issued(database, "lms", Scope.READ, rotate=True)
    with pytest.raises(KeyRefused, match="no key of the name"):
        revoked(database, "crm")
    assert revoked(database, "lms", superseded=True) == KEYS_OF_A_NAME_MAX - 1
    with pytest.raises(KeyRefused, match="one key only"):
        revoked(database, "lms", superseded=True)


def test_of_two_commands_at_once_one_issues_the_key(database: Database) -> None:
    outcomes: list[object] = []

    def issue() -> None:
        try:
            outcomes.append(issued(database, "lms", Scope.READ))
        except KeyRefused as refused:
            outcomes.append(refused)

    threads = [threading.Thread(target=issue) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([outcome for outcome in outcomes if isinstance(outcome, NewKey)]) == 1
    assert len(list_keys(database.owner_url)) == 1


async def test_a_fact_about_the_system_cannot_be_voided(database: Database) -> None:
    key = issued(database, "lms", Scope.FACTS)
    async with served(database) as http:
        headers = {"Idempotency-Key": "v", **bearer(key)}
        refused = await http.post(f"/certification/v1/facts/{key.fact_id}/void", json={"reason": "r"}, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:sagecert:problem:not-voidable")


async def test_a_reset_sandbox_keeps_its_keys(sandbox_database: Database) -> None:
    admin, gone = issued(sandbox_database, "admin", Scope.ADMIN), issued(sandbox_database, "gone", Scope.READ)
    revoked(sandbox_database, "gone")
    async with served(sandbox_database, sandbox=True) as http:
        reset = await http.post("/sandbox/v1/reset", json={"now": "2022-01-01T00:00:00Z"}, headers=bearer(admin))
        assert reset.status_code == 200, reset.text
        assert await status(http, ANSWERS, admin) == 200
        assert await status(http, ANSWERS, gone) == 401
        (kept,) = apart(lambda: list_keys(sandbox_database.owner_url))
        assert (kept.key_name, kept.scopes) == ("admin", ("admin",))
        assert kept.issued_at == datetime(2022, 1, 1, tzinfo=UTC)
