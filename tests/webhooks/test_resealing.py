"""A key of the operator that is replaced: the secrets of endpoints are sealed with the new one."""

import asyncio
import json
import subprocess
from typing import Any

from cryptography.fernet import Fernet

from services.compliance.webhooks.secrets import reseal
from tests.databases import Database
from tests.systems import environment, sagecert
from tests.webhooks.calling import KEY, Caller, calling, settings_for

NEW = Fernet.generate_key().decode()


def sealed(caller: Caller) -> list[bytes]:
    return [one for (one,) in caller.sql("SELECT sealed FROM webhooks.secret ORDER BY endpoint_id, scheme, number")]


def command(database: Database, *keys: str) -> "subprocess.CompletedProcess[str]":
    settings = {
        "SAGECERT_COMPLIANCE_DATABASE_URL": database.compliance_url,
        "SAGECERT_COMPLIANCE_WEBHOOK_KEYS": json.dumps(keys),
    }
    run = sagecert("compliance", "reseal")
    return subprocess.run(run, env=environment(settings), capture_output=True, text=True, timeout=60, check=False)


async def test_afterwards_the_old_key_can_go(sandbox_database: Database) -> None:
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
        first, second, *_ = await asyncio.gather(reseal(settings), reseal(settings), *deleted, *rotated)
    assert (first.lost, second.lost) == ([], [])
    opened = [Fernet(NEW).decrypt(one) for one in sealed(caller)]
    assert len(set(opened)) == 4 * 30
