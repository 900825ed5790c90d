"""The verifier and the system agree about real exports: sealed in a database, read from the file alone."""

import asyncio
from pathlib import Path

import pytest
from psycopg import Connection

from sagecert_verify.command import main
from services.cli.audit_commands import _shown
from services.host.audit_export import write_export
from tests.audit.seals import audit_settings, derive, seal
from tests.compliance.log import Log
from tests.databases import Database
from tests.oracle.histories import seeded
from tests.policy.fact_log import recorded

SEED = 43


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
