"""The verifier and the system agree about real exports: sealed in a database, read from the file alone."""

import asyncio
import json
import time
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import Connection

from sagecert_verify.command import main
from services.audit import sealer
from services.cli.audit_commands import _shown
from services.host.export_file import write_export
from services.host.signing_key_rotation import rotate
from shared.events.envelope import Fact
from tests.audit.seals import audit_settings, derive, seal
from tests.audit.test_exports import members
from tests.compliance.log import Log, set_clock
from tests.compliance.seed import BEGIN, DAY
from tests.databases import Database
from tests.oracle.histories import seeded
from tests.oracle.rules import facts as oracle
from tests.policy.fact_log import recorded
from tests.systems import System
from tests.verify.test_engines import engine

SEED = 43
SECONDS_MAX = 60
MOMENT = {"at": "2022-01-02T00:00:00Z", "known_at": "2022-01-02T00:00:00Z"}
CLAIM = """
    INSERT INTO audit.claim (
        number, partner_id, product, customer, allowed, at, position, policy_id, engine, actor, recorded_at)
    VALUES (1, 'P1', 'S200P', 'new', true, %s, %s, '2021-08', %s, 'portal', %s)
"""


@pytest.fixture
def exported(database: Database, owner: Connection, tmp_path: Path) -> tuple[Path, Path]:
    """The export of a random history, and a checkpoint that an auditor kept from halfway."""
    owner.execute("SET timezone = 'UTC'")
    log, groups = Log(owner), [group for group in recorded(seeded(SEED)) if group]
    directory, middle = tmp_path / "audit", len(groups) // 2
    kept = tmp_path / "kept"
    for part in (groups[:middle], groups[middle:]):
        log.write(part)
        asyncio.run(derive(database))
        seal(database, directory)
        if not kept.exists():
            note = owner.execute("SELECT note FROM audit.checkpoint WHERE log = 'facts' ORDER BY size DESC").fetchone()
            assert note is not None
            kept.write_text(note[0], encoding="utf-8")
    settings = audit_settings(database, directory, database_url=database.auditor_url)
    for name, partner in (("export", None), ("partner", "P1")):
        write_export(settings, partner, None, tmp_path / f"{name}.tar.gz", _shown)
    return tmp_path / "export.tar.gz", kept


def test_an_export_is_derived_again(exported: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    path, kept = exported
    assert main([str(path)]) == 20
    assert "Derived again" in capsys.readouterr().out
    assert main([str(path), "--checkpoint", str(kept)]) == 10


def test_the_export_of_a_partner_is_proved(exported: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = exported
    assert main([str(path.with_name("partner.tar.gz"))]) == 20
    assert "Partner: P1" in capsys.readouterr().out


def test_an_export_up_to_a_position_leaves_out_what_a_later_fact_had_announced(
    sandbox_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A departure is recorded before it takes effect; then time makes the events, and they name no fact.

    Another engine is installed, and answers before it has taken in the fact that says so.
    """
    directory, installed, leaves = tmp_path / "audit", engine("later"), BEGIN + 20 * DAY
    story: list[oracle.Fact] = [oracle.PartnerEnrolled("enrolled", BEGIN, BEGIN, "P1", "VAR", "PARTNER_SUCCESS")]
    for consultant in ("C1", "C2"):
        story.append(oracle.ConsultantLinked(f"linked-{consultant}", BEGIN, BEGIN, "P1", consultant))
        story.append(oracle.CertificationRecognised(f"recognised-{consultant}", BEGIN, BEGIN, consultant, "S200P"))
    left = oracle.ConsultantLeft("left", leaves, BEGIN + 10 * DAY, "P1", "C2")
    *before, leaving = recorded([*story, left])
    until, now = leaving[0].position, leaves + DAY
    first = (Fact("first", BEGIN, BEGIN, engine("earlier"), until, until),)
    leaving = tuple(replace(fact, position=until + 1, append_position=until + 1) for fact in leaving)
    install = (Fact("installed", now, now, installed, until + 2, until + 2),)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        log = Log(owner)
        for groups, clock in (([*before, first], BEGIN + DAY), ([leaving], now), ([install], now)):
            set_clock(sandbox_database, clock)
            log.write(groups)
            owner.execute("SELECT certification.barrier()")
            asyncio.run(derive(sandbox_database))
            seal(sandbox_database, directory, sandbox=True)
        owner.execute(CLAIM, [now, until, installed.engine_id, now])
        seal(sandbox_database, directory, sandbox=True)
    settings = audit_settings(sandbox_database, directory, database_url=sandbox_database.auditor_url, sandbox=True)
    path, sizes = tmp_path / "export.tar.gz", []
    for position in (until, None):
        write_export(settings, None, position, path, _shown)
        assert main([str(path), "--json"]) == 20
        sizes.append(json.loads(capsys.readouterr().out)["sizes"])
    assert [size["facts"] for size in sizes] == [until, until + 2]
    assert 0 < sizes[0]["compliance"] < sizes[1]["compliance"]
    assert [size["claims"] for size in sizes] == [0, 1]


def test_an_export_up_to_before_a_rotation_has_no_checkpoint_of_the_later_key(
    database: Database,
    owner: Connection,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The events of its last facts were sealed only after the rotation, by and by."""
    monkeypatch.setattr(sealer, "SEALED_AT_ONCE", 2)
    log, groups = Log(owner), [group for group in recorded(seeded(SEED)) if group]
    directory, middle = tmp_path / "audit", len(groups) // 2
    log.write(groups[:middle])
    asyncio.run(derive(database))
    seal(database, directory)
    log.write(groups[middle:])
    seal(database, directory)
    until = groups[-1][-1].position
    rotate(database.owner_url, audit_settings(database, directory))
    seal(database, directory)
    asyncio.run(derive(database))
    seal(database, directory)
    settings = audit_settings(database, directory, database_url=database.auditor_url)
    for position in (until, None):
        write_export(settings, None, position, tmp_path / "export.tar.gz", _shown)
        assert main([str(tmp_path / "export.tar.gz")]) == 20, capsys.readouterr().out


def sealed_export(system: System, position: int, path: Path) -> Path:
    """The export, once everything up to the position is sealed."""
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        answer = system.http.get("/audit/v1/exports", params={"until": position})
        if answer.status_code == 200:
            path.write_bytes(answer.content)
            return path
        time.sleep(0.2)
    raise AssertionError(f"{answer.status_code} {answer.text}")


def test_erasing_a_person_leaves_every_proof_count_and_digest_the_same(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The texts were never in the logs: only that they were erased is in the next export."""
    system.reset()
    system.record("partners", "k1", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS", name="Harbour Ltd")
    system.record("partners/P1/consultants", "l", consultant_id="C1")
    system.record("recognised-certifications", "r", consultant_id="C1", product="S200P", evidence="Zoe's diploma")
    system.set_clock("2022-01-02T00:00:00Z")
    left = system.record("partners/P1/departures", "left", consultant_id="C1", reason="Zoe moved to Leeds").json()
    profile = "/certification/v1/consultants/C1/profile"
    system.http.put(profile, json={"name": "Zoe", "email": "zoe@example.org"}).raise_for_status()
    asked = (
        f"/certification/v1/facts/{left['fact_id']}/proof",
        "/audit/v1/checkpoint",
        "/audit/v1/compliance/checkpoint",
        "/compliance/v1/partners/P1/timeline",
        "/audit/v1/explanations/partners/P1/S200P",
    )

    def answers() -> list[str]:
        return [system.http.get(path, params=MOMENT if "partners" in path else {}).text for path in asked]

    system.set_clock("2022-01-03T00:00:00Z")  # every event by then is published
    events = str(len(system.http.get("/compliance/v1/events", params={"after": 0, "limit": 1000}).json()))
    until = time.monotonic() + SECONDS_MAX
    while system.http.get("/audit/v1/compliance/checkpoint").text.split("\n")[1:2] != [events]:
        assert time.monotonic() < until
        time.sleep(0.1)
    before, path = sealed_export(system, left["position"], tmp_path / "before.tar.gz"), tmp_path / "after.tar.gz"
    known = answers()
    for erased in (f"/certification/v1/facts/{left['fact_id']}/free-text", profile):
        assert system.http.delete(erased).status_code == 204
    assert answers() == known
    sealed_export(system, left["position"], path)
    contents = [members(found.read_bytes()) for found in (before, path)]
    assert [found.pop("erasures/000.jsonl", b"") for found in contents] == [
        b"",
        b'{"fact_id":"%b"}\n' % left["fact_id"].encode(),
    ]
    for found in contents:
        del found["manifest.json"]  # which says when the export was made
        assert b"Zoe" not in b"".join(found.values())
    assert contents[0] == contents[1]
    assert main([str(path)]) == 20, capsys.readouterr().out


def test_a_sandbox_that_was_reset_is_another_log_and_is_derived_again(
    system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its log is empty: the engine decides as before, and no fact says so. An earlier checkpoint is of another log."""
    kept = tmp_path / "kept.note"
    for number in range(2):
        system.reset()
        enrolled = system.record("partners", "k1", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS")
        for consultant in ("C1", "C2"):
            system.record("partners/P1/consultants", f"l-{consultant}", consultant_id=consultant)
            system.record("recognised-certifications", f"r-{consultant}", consultant_id=consultant, product="S200P")
        system.set_clock("2022-01-02T00:00:00Z")
        left = system.record("partners/P1/departures", "left", consultant_id="C2").json()
        system.set_clock("2022-03-01T00:00:00Z")
        claimed = system.http.get("/compliance/v1/partners/P1/authorisations/S200P", params={"customer": "new"})
        assert (enrolled.status_code, claimed.json()["allowed"]) == (201, False)
        path = sealed_export(system, left["position"], tmp_path / f"{number}.tar.gz")
        assert main([str(path)]) == 20, capsys.readouterr().out
        if not number:
            kept.write_bytes(system.http.get("/audit/v1/checkpoint").content)
    capsys.readouterr()
    assert main([str(path), "--checkpoint", str(kept)]) == 20
    assert "is of another log, and was compared with nothing" in capsys.readouterr().out
