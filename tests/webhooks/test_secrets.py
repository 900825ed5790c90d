"""Secrets of endpoints: shown once, sealed, rotated, and sealed anew where the operator replaces the key."""

import asyncio
import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet

from services.compliance.webhooks.endpoints.secrets import reseal_secrets
from shared.events.wire import instant_text
from tests.databases import Database
from tests.systems import environment, sagecert
from tests.webhooks.calling import KEY, Caller, calling, settings_for

PROBLEM = "urn:sagecert:problem:"
NEW = Fernet.generate_key().decode()


async def test_a_secret_is_sealed_and_shown_once(caller: Caller) -> None:
    registered = await caller.register(ed25519=True)
    assert registered["public_key"].startswith("whpk_")
    shown = await caller.call("GET", f"/{registered['endpoint_id']}", status=200)
    assert shown == {name: value for name, value in registered.items() if name != "secret"}
    assert (await caller.call("GET", status=200))["endpoints"] == [shown]
    stored = caller.sql("SELECT scheme, sealed FROM webhooks.secret ORDER BY scheme")
    assert [scheme for scheme, _ in stored] == ["v1", "v1a"]
    assert all(
        Fernet(settings_for(caller.database).webhook_keys[0].get_secret_value()).decrypt(one) for _, one in stored
    )


async def test_four_secrets_sign_at_once_and_no_more(caller: Caller) -> None:
    endpoint_id = (await caller.register(ed25519=True))["endpoint_id"]
    path = f"/{endpoint_id}/secret-rotations"
    rotated = [await caller.call("POST", path, status=201) for _ in range(3)]
    assert (await caller.call("GET", f"/{endpoint_id}", status=200))["public_key"] == rotated[-1]["public_key"]
    assert len({one["secret"] for one in rotated}) == len({one["public_key"] for one in rotated}) == 3
    expires_at = datetime.fromisoformat(rotated[0]["previous_expires_at"])
    ((clock,),) = caller.sql("SELECT clock_timestamp()")
    assert abs(expires_at - clock - timedelta(hours=24)) < timedelta(minutes=1)
    problem = await caller.refused("POST", path, status=409)
    assert problem["type"] == f"{PROBLEM}too-many-secrets"
    assert instant_text(expires_at.astimezone(UTC)) in problem["detail"]
    assert caller.sql("SELECT count(*) FROM webhooks.secret") == [(8,)]
    caller.sql("UPDATE webhooks.secret SET expires_at = now() WHERE number = 1")
    await caller.call("POST", path, status=201)
    assert caller.sql("SELECT number FROM webhooks.secret WHERE scheme = 'v1' ORDER BY 1") == [(2,), (3,), (4,), (5,)]


async def test_a_secret_that_no_key_opens_is_replaced_by_a_rotation(sandbox_database: Database) -> None:
    async with calling(sandbox_database) as caller:
        path = f"/{(await caller.register(ed25519=True))['endpoint_id']}"
    async with calling(sandbox_database, settings_for(sandbox_database, Fernet.generate_key().decode())) as caller:
        assert (await caller.refused("POST", f"{path}/tests", status=409))["type"] == f"{PROBLEM}secret-lost"
        lost = await caller.call("GET", path, status=200)
        assert (lost["ed25519"], "public_key" in lost) == (True, False)
        rotated = await caller.call("POST", f"{path}/secret-rotations", status=201)
        assert (rotated["previous_expires_at"], rotated["public_key"][:5]) == (None, "whpk_")
        assert (await caller.call("GET", path, status=200))["public_key"] == rotated["public_key"]
        assert caller.sql("SELECT scheme, expires_at FROM webhooks.secret ORDER BY 1") == [("v1", None), ("v1a", None)]


async def test_keys_are_replaced_by_putting_the_new_one_in_front(sandbox_database: Database) -> None:
    async with calling(sandbox_database) as caller:
        path = f"/{(await caller.register())['endpoint_id']}/secret-rotations"
    keys = (Fernet.generate_key().decode(), settings_for(sandbox_database).webhook_keys[0].get_secret_value())
    async with calling(sandbox_database, settings_for(sandbox_database, *keys)) as caller:
        assert (await caller.call("POST", path, status=201))["previous_expires_at"] is not None
    ((sealed,),) = caller.sql("SELECT sealed FROM webhooks.secret WHERE expires_at IS NULL")
    assert Fernet(keys[0]).decrypt(sealed)


def sealed(caller: Caller) -> list[bytes]:
    return [one for (one,) in caller.sql("SELECT sealed FROM webhooks.secret ORDER BY endpoint_id, scheme, number")]


def command(database: Database, *keys: str) -> "subprocess.CompletedProcess[str]":
    settings = {
        "SAGECERT_COMPLIANCE_DATABASE_URL": database.compliance_url,
        "SAGECERT_COMPLIANCE_WEBHOOK_KEYS": json.dumps(keys),
    }
    run = sagecert("compliance", "reseal")
    return subprocess.run(run, env=environment(settings), capture_output=True, text=True, timeout=60, check=False)


async def test_once_all_are_sealed_with_the_new_key_the_old_one_can_go(sandbox_database: Database) -> None:
    async with calling(sandbox_database) as caller:
        path = f"/{(await caller.register(ed25519=True))['endpoint_id']}"
        await caller.call("POST", f"{path}/secret-rotations", status=201)
        shown = await caller.call("GET", path, status=200)
    for _ in range(2):
        done = await asyncio.to_thread(command, sandbox_database, NEW, KEY)
        assert (done.returncode, done.stdout, done.stderr) == (0, "secrets sealed with the first key: 4\n", "")
    async with calling(sandbox_database, settings_for(sandbox_database, NEW)) as caller:
        assert await caller.call("GET", path, status=200) == shown
        assert all(Fernet(NEW).decrypt(one) for one in sealed(caller))
        assert (await caller.call("POST", f"{path}/secret-rotations", status=201))["previous_expires_at"] is not None


async def test_what_no_key_opens_is_named_and_left_as_it_is(sandbox_database: Database) -> None:
    async with calling(sandbox_database) as caller:
        lost = [await caller.register(ed25519=True), await caller.register()]
        await caller.register()
        caller.sql("UPDATE webhooks.secret SET expires_at = now() WHERE endpoint_id <> ALL(%s)", _ids(*lost))
        before = sealed(caller)
        done = await asyncio.to_thread(command, sandbox_database, NEW)
        assert (done.returncode, done.stdout) == (1, "secrets sealed with the first key: 0\n")
        assert [done.stderr.count(endpoint_id) for endpoint_id in _ids(*lost)] == [1, 1]
        assert "rotate" in done.stderr
        assert sealed(caller) == before
    done = await asyncio.to_thread(command, sandbox_database)
    assert (done.returncode, "SAGECERT_COMPLIANCE_WEBHOOK_KEYS is missing" in done.stderr) == (1, True)


def _ids(*registered: dict[str, Any]) -> list[str]:
    return [one["endpoint_id"] for one in registered]


async def test_others_rotate_and_delete_meanwhile(sandbox_database: Database) -> None:
    async with calling(sandbox_database) as caller:
        ids = _ids(*[await caller.register(ed25519=True) for _ in range(40)])
    settings = settings_for(sandbox_database, NEW, KEY)
    async with calling(sandbox_database, settings) as caller:
        deleted = [caller.call("DELETE", f"/{one}", status=204) for one in ids[:10]]
        rotated = [caller.call("POST", f"/{one}/secret-rotations", status=201) for one in ids[10:]]
        first, second, *_ = await asyncio.gather(reseal_secrets(settings), reseal_secrets(settings), *deleted, *rotated)
    assert (first.lost, second.lost) == ([], [])
    opened = [Fernet(NEW).decrypt(one) for one in sealed(caller)]
    assert len(set(opened)) == 4 * 30
