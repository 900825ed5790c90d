"""The engine that decides: recorded by a migration, and refused to every other one."""

import asyncio
from pathlib import Path

import psycopg

from services.host.migrate import migrate
from shared.engine import engine_for, policy_digest
from shared.events import wire
from shared.events.system_facts import OWNER, EngineInstalled
from tests.certification.caller import Caller, kind_of
from tests.compliance.log import install
from tests.databases import Database

PRODUCTS = ("S200P", "S200S")
OWN = engine_for(PRODUCTS)


def recorded(database: Database) -> list[EngineInstalled]:
    """The engines of the log, in order."""
    with psycopg.connect(database.owner_url) as connection:
        rows = connection.execute(
            "SELECT topic, state, notification_id, append_position FROM certification.stored_events"
            " WHERE topic = 'com.sage.partnercloud.engine-installed.v1' ORDER BY notification_id"
        ).fetchall()
    facts = [wire.decode(*row) for row in rows]
    assert {fact.actor for fact in facts} <= {OWNER}
    return [fact.data for fact in facts if isinstance(fact.data, EngineInstalled)]


def test_a_migration_records_the_engine_whenever_it_changes(database: Database) -> None:
    other = engine_for(("S200P",))
    for engine in (OWN, OWN, other, OWN):
        migrate(database.owner_url, sandbox=False, engine=engine)
    assert recorded(database) == [OWN, other, OWN]


def test_the_engine_is_that_of_the_files_the_zones_and_the_products() -> None:
    assert OWN.engine_id != engine_for(("S200S", "S200P")).engine_id
    assert (OWN.products, len(OWN.engine_id), len(OWN.policy_digest)) == (PRODUCTS, 16, 64)
    assert OWN.tzdata
    assert OWN.code_version


def test_a_changed_file_of_those_that_decide_is_another_digest(tmp_path: Path) -> None:
    deciding = tmp_path / "services/compliance/policy"
    deciding.mkdir(parents=True)
    (deciding / "rule.py").write_text("DAYS = 30\n")
    (tmp_path / "services/compliance/other.py").write_text("1\n")
    before = policy_digest(tmp_path)
    policy_digest.cache_clear()
    (tmp_path / "services/compliance/other.py").write_text("2\n")
    assert policy_digest(tmp_path) == before
    policy_digest.cache_clear()
    (deciding / "rule.py").write_text("DAYS = 45\n")
    assert policy_digest(tmp_path) != before


async def test_what_another_engine_decided_is_not_recorded(caller: Caller, database: Database) -> None:
    """Also where the other one is installed while this one runs; when it is this one again, it goes on."""
    assert (await caller.post("partners/P1/closure")).status_code == 201
    await asyncio.to_thread(install, database, "another")
    for path, body in (
        ("partners/P1/closure", {}),
        ("course-completions", {"consultant_id": "C1", "product": "S200P"}),
    ):
        refused = await caller.post(path, key=path, **body)
        assert (refused.status_code, kind_of(refused)) == (503, "engine-not-installed")
        assert "engine another is installed" in refused.json()["detail"]
        assert "Retry-After" in refused.headers
    assert len(await caller.log()) == 1
    ready = await caller.http.get("/certification/readyz")
    assert ready.status_code == 503
    assert "is installed: it decides nothing" in ready.text
    await asyncio.to_thread(install, database, OWN.engine_id)
    assert (await caller.post("partners/P1/closure", key="partners/P1/closure")).status_code == 201
