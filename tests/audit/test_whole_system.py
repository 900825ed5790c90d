"""The system as processes: a start, a running follower and a rebuild refuse what is not what was sealed."""

import subprocess
import time
from pathlib import Path

import httpx
import psycopg

from tests.databases import Database
from tests.systems import environment, sagecert, serving

SECONDS_MAX = 60


def recorded(origin: str, number: int) -> None:
    body = {"partner_id": f"P{number}", "kind": "VAR", "programme": "PARTNER_SUCCESS"}
    answer = httpx.post(f"{origin}/certification/v1/partners", json=body, headers={"Idempotency-Key": f"k{number}"})
    assert answer.status_code == 201, answer.text


def eventually(origin: str, path: str, status: int, part: str) -> str:
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        answer = httpx.get(origin + path)
        if answer.status_code == status and part in answer.text:
            return answer.text
        time.sleep(0.1)
    raise AssertionError(f"{path}: {answer.status_code} {answer.text}")


def test_a_forgery_is_refused_by_the_running_follower_by_rebuild_and_by_the_sealer(
    database: Database, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": database.owner_url, "SAGECERT_AUDIT_DIRECTORY": str(tmp_path / "audit")}
    with serving(settings, "up") as (_, origin):
        for number in range(3):
            recorded(origin, number)
        eventually(origin, "/audit/v1/checkpoint", 200, "\n4\n")
        eventually(origin, "/compliance/readyz", 200, "ready")
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("ALTER TABLE certification.stored_events DISABLE TRIGGER append_only")
            owner.execute("UPDATE certification.stored_events SET partner_id = 'P9' WHERE notification_id = 2")
            owner.execute("ALTER TABLE certification.stored_events ENABLE ALWAYS TRIGGER append_only")
        recorded(origin, 4)

        eventually(origin, "/compliance/readyz", 503, "from position 2 on")
        rebuilt = run(settings, "compliance", "rebuild")
        assert rebuilt.returncode == 1
        assert "from position 2 on" in rebuilt.stderr
        checked = run(settings, "audit", "check")
        assert checked.returncode == 1
        assert "from position 2 on" in checked.stderr


def test_a_start_refuses_a_database_that_lost_what_was_sealed(database: Database, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": database.owner_url, "SAGECERT_AUDIT_DIRECTORY": str(tmp_path / "audit")}
    with serving(settings, "up") as (_, origin):
        recorded(origin, 1)
        eventually(origin, "/audit/v1/checkpoint", 200, "\n2\n")
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("ALTER TABLE certification.stored_events DISABLE TRIGGER append_only")
        owner.execute("DELETE FROM certification.stored_events")
        owner.execute("ALTER TABLE certification.stored_events ENABLE ALWAYS TRIGGER append_only")

    started = run(settings, "up", "--port", "0")

    assert started.returncode == 1
    assert "from position 1 on" in started.stderr


def run(settings: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        sagecert(*command), env=environment(settings), capture_output=True, text=True, timeout=60, check=False
    )
