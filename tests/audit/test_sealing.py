"""The sealer against the real database: what an entry is, and what a checkpoint says of it."""

import asyncio
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection

from services.audit.alteration_watch import AlterationWatch
from services.audit.extension_check import anchors
from services.audit.key_rotations import rotation_to
from services.audit.merkle import root_of
from services.audit.note import VerifierKey, open_note, public_bytes
from services.audit.sealed_log import entries_head
from services.audit.sealer import Sealer
from services.host.api_keys.key_commands import append_request, fact_of_the_owner
from services.host.sandbox import empty
from services.host.signing_key_rotation import RotationRefused, rotate
from tests.audit.seals import EVENTS, FACTS, audit_settings, compared, derive, leaves, seal
from tests.compliance.log import Log
from tests.compliance.seed import population
from tests.databases import Database
from tests.oracle.histories import seeded
from tests.policy.fact_log import recorded

SEALED: Final = """
    SELECT l.origin, c.size, c.root, c.note
    FROM audit.checkpoint c JOIN audit.log l ON l.name = c.log WHERE l.name = %s
"""


def test_a_checkpoint_is_the_root_over_every_column_and_the_exact_bytes(
    database: Database, owner: Connection, tmp_path: Path
) -> None:
    Log(owner).write(group for group in recorded(seeded(3)) if group)
    owner.execute("SET timezone = 'UTC'")
    asyncio.run(derive(database))
    seal(database, tmp_path)

    keys = [VerifierKey.parse(line) for line in (tmp_path / "verifier-keys").read_text().splitlines()]
    for name, log in (("facts", FACTS), ("compliance", EVENTS)):
        hashes = leaves(owner, log)
        assert len(hashes) > 2
        row = owner.execute(SEALED, [name]).fetchone()
        assert row is not None
        origin, size, root, note = row
        assert (size, bytes(root)) == (len(hashes), root_of(hashes))
        text, signed = open_note(note, keys)
        assert text.splitlines()[:2] == [origin, str(size)]
        assert signed[0].name == origin
        assert (tmp_path / f"{name}.note").read_text() == note


def test_a_rotated_key_signs_what_covers_its_fact_and_the_old_notes_still_hold(
    database: Database, owner: Connection, tmp_path: Path
) -> None:
    """A follower that knows the first key alone learns the second one from the fact, which the first one signed.

    The key before signs, too, until its file is removed: witnesses may not know the new one.
    """
    settings = audit_settings(database, tmp_path, database_url=database.auditor_url)
    with pytest.raises(RotationRefused, match="Nothing is sealed yet"):
        rotate(database.owner_url, settings)
    groups = population(4)
    Log(owner).write(groups[:-1])
    seal(database, tmp_path)
    first_keys = (tmp_path / "verifier-keys").read_text()
    copied = tmp_path / "copied"
    copied.mkdir()
    (copied / "verifier-keys").write_text(first_keys)

    rotate(database.owner_url, settings)
    with pytest.raises(RotationRefused, match="not sealed yet"):
        rotate(database.owner_url, settings)
    seal(database, tmp_path)
    rotate(database.owner_url, settings)
    seal(database, tmp_path)
    rotate(database.owner_url, settings)
    for path in sorted(tmp_path.glob("signing-key-*.pem"), key=lambda path: path.stat().st_mtime_ns)[:-1]:
        path.unlink()
    seal(database, tmp_path)

    keys = [VerifierKey.parse(line) for line in (tmp_path / "verifier-keys").read_text().splitlines()]
    facts = [key for key in keys if key.name.endswith("/facts")]
    assert len(facts) == 4
    notes = [
        note
        for (note,) in owner.execute("SELECT note FROM audit.checkpoint WHERE log = 'facts' ORDER BY size").fetchall()
    ]
    signers = [open_note(note, facts)[1] for note in notes]
    assert [{facts.index(key) for key in signed} for signed in signers] == [{0}, {0, 1}, {1, 2}, {3}]
    for directory in (tmp_path, copied):
        asyncio.run(compared(AlterationWatch(audit_settings(database, directory))))


def test_a_rotation_that_the_key_did_not_sign_installs_nothing(
    database: Database, owner: Connection, tmp_path: Path
) -> None:
    Log(owner).write(population(1))
    seal(database, tmp_path)
    stranger = Ed25519PrivateKey.generate()
    (origin,) = owner.execute("SELECT origin FROM audit.log WHERE name = 'facts'").fetchone() or ("",)
    (present,) = owner.execute("SELECT public_key FROM audit.signing_key").fetchone() or (b"",)
    forged = msgspec.structs.replace(
        rotation_to(origin.rpartition("/")[0], public_bytes(Ed25519PrivateKey.generate()), stranger),
        previous_public_key=b64encode(present).decode(),
    )
    request = append_request(fact_of_the_owner(forged), f"signing_key-{forged.log_id}", 0)
    owner.execute("SELECT certification.append(%s::jsonb)", [f"[{msgspec.json.encode(request).decode()}]"])

    seal(database, tmp_path)

    assert owner.execute("SELECT count(*) FROM audit.signing_key").fetchone() == (1,)
    assert len((tmp_path / "verifier-keys").read_text().splitlines()) == 3


async def test_two_sealers_do_no_harm_also_when_one_is_killed(
    database: Database, owner: Connection, tmp_path: Path
) -> None:
    """The lease of a log goes to one of them; the other goes on once it is free."""
    owner.execute("SET timezone = 'UTC'")
    sealers = [Sealer(audit_settings(database, tmp_path)) for _ in range(2)]
    for number, sealer in enumerate(sealers):
        sealer._held_by = f"machine:{number}"
    running = [asyncio.create_task(sealer.run()) for sealer in sealers]
    log, groups = Log(owner), population(6)

    async def sealed(size: int) -> str:
        """Which sealer holds the facts, once so many are sealed."""
        while True:
            row = owner.execute("SELECT size, held_by FROM audit.log WHERE name = 'facts'").fetchone() or (0, "")
            if row[0] == size:
                return str(row[1])
            await asyncio.sleep(0.05)

    log.write(groups[:10])
    holder = await sealed(groups[9][-1].position)
    running[int(holder[-1])].cancel()
    owner.execute("UPDATE audit.log SET lease_until = clock_timestamp()")  # what time does
    log.write(groups[10:])
    assert await sealed(groups[-1][-1].position) != holder
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)

    hashes = leaves(owner, FACTS)
    for size, root in owner.execute("SELECT size, root FROM audit.checkpoint WHERE log = 'facts'"):
        assert bytes(root) == root_of(hashes[:size])


def test_a_sandbox_that_is_emptied_while_it_is_compared_is_another_log(
    sandbox_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sealed of the log before is nothing that the empty one lacks."""
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(population(1))
    seal(sandbox_database, tmp_path, sandbox=True)
    emptied: list[str] = []

    async def emptying(*arguments: Any, **more: Any) -> Any:
        found = await anchors(*arguments, **more)
        if not emptied:
            emptied.append("once")
            await asyncio.to_thread(empty, sandbox_database.owner_url, datetime(2026, 1, 5, tzinfo=UTC), running=False)
        return found

    monkeypatch.setattr("services.audit.alteration_watch.anchors", emptying)
    asyncio.run(compared(AlterationWatch(audit_settings(sandbox_database, tmp_path, sandbox=True))))
    assert emptied


def test_a_sandbox_that_is_emptied_while_it_is_sealed_is_sealed_again_at_once(
    sandbox_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease was of the log before; what it lacks now is no alteration, after which a sealer pauses."""
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(population(1))
    seal(sandbox_database, tmp_path, sandbox=True)
    emptied: list[str] = []

    async def emptying(*arguments: Any) -> Any:
        if not emptied:
            emptied.append("once")
            await asyncio.to_thread(empty, sandbox_database.owner_url, datetime(2026, 1, 5, tzinfo=UTC), running=False)
        return await entries_head(*arguments)

    monkeypatch.setattr("services.audit.sealed_log.entries_head", emptying)
    seal(sandbox_database, tmp_path, sandbox=True)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(population(1)[:3])
    seal(sandbox_database, tmp_path, sandbox=True)
    assert emptied
    asyncio.run(compared(AlterationWatch(audit_settings(sandbox_database, tmp_path, sandbox=True))))
