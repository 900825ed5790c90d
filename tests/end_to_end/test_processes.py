"""The processes of `sagecert up`: each part its own, started again when it dies, none left behind."""

import gc
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import asyncpg
import httpx
import pytest

from services.host.gc_tuning import tune_gc
from services.host.migrate import VERSIONS, is_current, newest
from tests.databases import Database
from tests.systems import children, gone, serving

SECONDS_MAX = 60
BACKGROUND = ("follower", "dispatcher", "sealer")

T = TypeVar("T")


def background(pid: int) -> dict[str, int]:
    """The numbers of the background processes of an `up`, once all run."""

    def found() -> dict[str, int] | None:
        lines = {
            args.rsplit(None, 1)[-1]: child for child, args in children(pid).items() if "host.background_main" in args
        }
        return lines if set(lines) == set(BACKGROUND) else None

    return eventually(found)


def eventually(look: Callable[[], T | None]) -> T:
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        found = look()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def enrol(origin: str, partner: str) -> int:
    body = {"partner_id": partner, "kind": "VAR", "programme": "PARTNER_SUCCESS"}
    answer = httpx.post(f"{origin}/certification/v1/partners", json=body, headers={"Idempotency-Key": partner})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["position"])


def applied(origin: str, partner: str, position: int) -> bool | None:
    path = f"{origin}/compliance/v1/partners/{partner}/compliance/S200P"
    return httpx.get(path, params={"min_position": position}, timeout=SECONDS_MAX).status_code == 200 or None


def not_ready(origin: str, reason: str) -> bool | None:
    answer = httpx.get(f"{origin}/compliance/readyz")
    return (answer.status_code == 503 and reason in answer.json()["detail"]) or None


def test_a_part_that_is_killed_is_started_again(database: Database) -> None:
    with serving({"DATABASE_URL": database.owner_url}, "up") as (up, origin):
        for part in BACKGROUND:
            before = background(up.pid)
            os.kill(before[part], signal.SIGKILL)
            assert gone(before[part]), part
            after = background(up.pid)
            assert {name for name in BACKGROUND if after[name] != before[name]} == {part}
            eventually(partial(applied, origin, part, enrol(origin, part)))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("frozen", [False, True])
def test_however_it_ends_it_leaves_no_process_behind(database: Database, how: signal.Signals, frozen: bool) -> None:
    """Also where a part is stopped and hears no signal but one."""
    with serving({"DATABASE_URL": database.owner_url}, "up") as (up, origin):
        answer = httpx.get(f"{origin}/compliance/v1/partners?at=2022-01-01T00:00:00Z")
        assert answer.status_code == 200, "what replays history has a process of its own"
        background(up.pid)
        parts = children(up.pid)
        assert any("historical_answers.worker" in line for line in parts.values())
        for pid in parts if frozen else ():
            os.kill(pid, signal.SIGSTOP)
        up.send_signal(how)
        assert up.wait(SECONDS_MAX) == (-signal.SIGKILL if how is signal.SIGKILL else 0)
        assert all(gone(pid) for pid in sorted(parts))


def test_what_serves_goes_on_while_nothing_follows(database: Database) -> None:
    with serving({"DATABASE_URL": database.owner_url}, "up") as (up, origin):
        eventually(lambda: applied(origin, "P1", enrol(origin, "P1")))
        follower = background(up.pid)["follower"]
        os.kill(follower, signal.SIGSTOP)
        behind = enrol(origin, "P2")
        assert eventually(lambda: not_ready(origin, "No follower is running"))
        answer = httpx.get(f"{origin}/compliance/v1/partners/P1/compliance/S200P")
        assert (answer.status_code, answer.json()["position"]) == (200, behind - 1)
        os.kill(follower, signal.SIGCONT)
        assert eventually(lambda: applied(origin, "P2", behind))
        assert eventually(lambda: httpx.get(f"{origin}/compliance/readyz").status_code == 200 or None)


async def test_a_database_at_this_version_is_not_migrated_again(database: Database) -> None:
    """Seen by the versions that Alembic would go to."""
    connection = await asyncpg.connect(database.owner_url)
    assert await is_current(connection)
    for schema, versions in VERSIONS.items():
        assert newest(versions).isdigit()
        await connection.execute(f"UPDATE {schema}.alembic_version SET version_num = '0000'")
        assert not await is_current(connection)
        await connection.execute(f"UPDATE {schema}.alembic_version SET version_num = '{newest(versions)}'")
    await connection.execute("DROP TABLE webhooks.alembic_version")
    assert not await is_current(connection)
    await connection.close()


def test_once_all_is_loaded_garbage_in_cycles_is_looked_for() -> None:
    thresholds = gc.get_threshold()
    gc.disable()
    try:
        tune_gc()
        assert gc.isenabled()
        assert gc.get_freeze_count()
    finally:
        gc.enable()
        gc.unfreeze()
        gc.set_threshold(*thresholds)
