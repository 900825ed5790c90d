"""The replay in the auditor guide, run as it stands there, with a role that may only read."""

import ast
import os
import re
import subprocess
import sys
from contextlib import closing
from typing import Final

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate

from tests.architecture.sources import ROOT
from tests.certification.caller import Caller
from tests.certification.library import environment
from tests.databases import Database

GUIDE: Final = (ROOT / "docs/auditor-guide.md").read_text(encoding="utf-8")
REPLAY: Final = next(code for code in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "Projection" in code)


def replay(database: Database) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "SAGECERT_CERTIFICATION_DATABASE_URL": database.compliance_url}
    return subprocess.run(
        [sys.executable, "-c", REPLAY], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )


async def test_it_counts_what_was_recorded(caller: Caller, database: Database) -> None:
    await caller.post("partners", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
    with closing(Application(environment(database))) as application:  # type: ignore[var-annotated]  # any aggregate
        application.save(Aggregate())
    for number in range(3):
        await caller.course(f"C{number}")

    done = replay(database)

    assert done.returncode == 0, done.stderr
    seen, _, facts = done.stdout.partition(" ")
    assert (seen, ast.literal_eval(facts)) == ("5", {"PartnerEnrolled": 1, "no fact": 1, "CourseCompleted": 3})


async def test_it_notices_a_missing_position(caller: Caller, database: Database) -> None:
    """As a superuser could bring about."""
    for number in range(3):
        await caller.course(f"C{number}")
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute("ALTER TABLE certification.stored_events DISABLE TRIGGER append_only")
        superuser.execute("DELETE FROM certification.stored_events WHERE notification_id = 2")

    done = replay(database)

    assert done.returncode != 0
    assert "position 2 is missing" in done.stderr
