"""What else the owner of the database can do, and who notices each; and what takes something outside to notice."""

import asyncio
from pathlib import Path
from typing import Final, LiteralString

import psycopg
import pytest

from sagecert_verify.command import main
from services.audit.refusals import NotSealed, NotWhatWasSealed
from services.audit.sealed_log import EntryMissing
from services.audit.tiles import TileMissing
from services.cli.audit_commands import _shown
from services.host.export_file import write_export
from services.host.sealed_log_comparison import compare_logs
from services.web.log_check import LogAltered
from tests.audit.seals import audit_settings, derive, seal
from tests.audit.test_attacks import Sealed
from tests.compliance.log import Log
from tests.databases import Database
from tests.oracle.histories import seeded
from tests.policy.fact_log import recorded

CLAIM: Final = """
    INSERT INTO audit.claim (
        number, partner_id, product, customer, allowed, at, position, policy_id, engine, actor, recorded_at)
    VALUES (%s, 'P1', 'S200P', 'new', false, '2001-01-01 00:00Z', %s, '2021-08', '', 'portal', '2026-01-01 00:00Z')
"""
"""What was answered, rightly."""

GROUPS: Final = [group for group in recorded(seeded(43)) if group]

VARIANTS: Final[dict[str, tuple[LiteralString, set[str]]]] = {
    "nothing": ("SELECT 1", set()),
    "several facts": (
        "UPDATE certification.stored_events SET state = set_byte(state, 13, 57) WHERE notification_id IN (5, 7, 20)",
        {"follower", "check", "verifier 30"},
    ),
    "a tile of hashes": (
        "UPDATE audit.tile SET hashes = set_byte(hashes, 5, 0) WHERE log = 'facts' AND level = 0",
        {"start", "sealer", "check", "verifier 30"},
    ),
    "a tile deleted": (
        "DELETE FROM audit.tile WHERE log = 'facts'",
        {"start", "sealer", "check", "export"},
    ),
    "the roots of checkpoints": (
        "UPDATE audit.checkpoint SET root = set_byte(root, 3, 9)",
        {"start", "follower", "sealer", "check", "verifier 2"},
    ),
    "the note of an earlier checkpoint as the newest": (
        """UPDATE audit.checkpoint c SET note = (
            SELECT d.note FROM audit.checkpoint d WHERE d.log = c.log ORDER BY d.size LIMIT 1)""",
        {"start", "follower", "sealer", "check", "verifier 2"},
    ),
    "earlier checkpoints deleted": (
        """DELETE FROM audit.checkpoint c
        WHERE c.size < (SELECT max(d.size) FROM audit.checkpoint d WHERE d.log = c.log)""",
        set(),  # the last one pins all that they pinned
    ),
    "the newest checkpoint deleted": (
        """DELETE FROM audit.checkpoint c
        WHERE c.size = (SELECT max(d.size) FROM audit.checkpoint d WHERE d.log = c.log)""",
        {"sealer"},
    ),
    "the sealed size set back": ("UPDATE audit.log SET size = 3", {"start", "sealer"}),
    "another signing key": ("UPDATE audit.signing_key SET public_key = sha256('x')", {"sealer", "verifier 30"}),
    "one signing key more": (
        "INSERT INTO audit.signing_key (number, public_key, fact_position) VALUES (2, sha256('x'), 3)",
        {"start", "follower", "sealer", "check", "verifier 2"},
    ),
    "one signing key more, as the first": (
        "INSERT INTO audit.signing_key (number, public_key, fact_position) VALUES (0, sha256('x'), 0)",
        {"start", "follower", "sealer", "check", "verifier 2"},
    ),
    "no signing key": ("DELETE FROM audit.signing_key", {"sealer", "verifier 2"}),
    "another origin": (
        "UPDATE audit.log SET origin = 'sagecert.other/' || name",
        {"start", "follower", "sealer", "check", "verifier 2"},
    ),
    "events deleted": (
        "DELETE FROM compliance.compliance_event WHERE position > 3",
        {"start", "follower", "sealer", "check", "verifier 30"},
    ),
    "events deleted with all that was sealed of them": (
        """DELETE FROM compliance.compliance_event WHERE position > 3;
        DELETE FROM audit.tile WHERE log = 'compliance';
        DELETE FROM audit.checkpoint WHERE log = 'compliance';
        UPDATE audit.log SET size = 0 WHERE name = 'compliance'""",
        {"start", "follower", "sealer", "check", "verifier 30"},
    ),
    "everything that was sealed deleted": (
        "TRUNCATE audit.tile, audit.checkpoint, audit.cosignature, audit.signing_key; UPDATE audit.log SET size = 0",
        {"start", "sealer", "check", "export"},
    ),
    "standings of the read model": (
        "UPDATE compliance.standing SET status = 'compliant'",
        set(),  # nothing follows from them; `rebuild --verify` compares them, and wrong claims are judged
    ),
    "an answer that was given, made another afterwards": (
        "UPDATE audit.claim SET allowed = NOT allowed WHERE number = 1",
        {"check", "verifier 30"},
    ),
    "an answer from facts that are not there": (
        """INSERT INTO audit.claim SELECT 3, c.partner_id, c.product, c.customer, c.allowed, c.at, 1000000, c.policy_id,
            c.engine, c.actor, c.recorded_at FROM audit.claim c WHERE c.number = 2""",
        {"sealer"},  # an export holds what is sealed, whole
    ),
    "that an answer was from facts that are not there": (
        "INSERT INTO audit.claim_reach (engine, position, number) VALUES ('', 1000000, 2)",
        {"export"},
    ),
    "an answer that was given, deleted": ("DELETE FROM audit.claim WHERE number = 2", {"check", "export", "sealer"}),
    "all answers deleted with all that was sealed of them": (
        """DELETE FROM audit.claim;
        DELETE FROM audit.tile WHERE log = 'claims';
        DELETE FROM audit.checkpoint WHERE log = 'claims';
        UPDATE audit.log SET size = 0 WHERE name = 'claims'""",
        {"check", "sealer", "verifier 30"},
    ),
}
"""What the owner does, and who notices: `check` is `sagecert audit check`; the verifier has kept notes and the keys."""


@pytest.fixture
def sealed(database: Database, owner: psycopg.Connection, tmp_path: Path) -> Sealed:
    """A history, sealed at two sizes."""
    directory, log, middle = tmp_path / "audit", Log(owner), len(GROUPS) // 2
    for number, part in enumerate((GROUPS[:middle], GROUPS[middle:]), start=1):
        owner.execute(CLAIM, [number, number])
        log.write(part)
        asyncio.run(derive(database))
        seal(database, directory)
    return Sealed(database, directory)


@pytest.mark.parametrize("variant", VARIANTS)
def test_who_notices(sealed: Sealed, tmp_path: Path, variant: str) -> None:
    statements, expected = VARIANTS[variant]
    policy, options = tmp_path / "policy", list[str]()
    with psycopg.connect(sealed.database.owner_url) as owner:
        notes = owner.execute("SELECT DISTINCT ON (log) log, note FROM audit.checkpoint ORDER BY log, size").fetchall()
    for log, note in notes:
        (tmp_path / log).write_text(note, encoding="utf-8")
        options += ["--checkpoint", str(tmp_path / log)]
    keys = (sealed.directory / "verifier-keys").read_text(encoding="utf-8").splitlines()
    policy.write_text("".join([*(f"log {key}\n" for key in keys), "quorum none\n"]), encoding="utf-8")

    sealed.as_owner(statements)

    assert noticed(sealed, tmp_path / "export.tar.gz", "--policy", str(policy), *options) == expected


def noticed(sealed: Sealed, path: Path, *options: str) -> set[str]:
    """Who notices; the verifier by its verdict."""
    found = {
        name
        for name, refused in (("start", sealed.refused_at_start), ("follower", sealed.refused_by_follower))
        if refused() is not None
    }
    settings = audit_settings(sealed.database, sealed.directory, database_url=sealed.database.auditor_url)
    try:
        compare_logs(settings)
    except LogAltered:
        found.add("check")
    try:
        write_export(settings, None, None, path, _shown)
    except (EntryMissing, TileMissing, LogAltered, NotSealed, NotWhatWasSealed):
        found.add("export")
    else:
        status = main([str(path), "--processes", "1", *options])
        found |= {f"verifier {status}"} if status != 10 else set()
    try:
        seal(sealed.database, sealed.directory)
    except LogAltered:
        found.add("sealer")
    return found
