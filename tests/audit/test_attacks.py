"""The owner of the database changes what was sealed: start, follower and rebuild refuse, from a position on."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql

from services.audit.alteration_watch import AlterationWatch, refuse_altered_logs
from services.audit.database import connect
from services.audit.files_beside_database import KeyDirectory
from services.audit.merkle import root_of
from services.audit.readiness import check_readiness
from services.audit.sealed_log import LogName, entries
from services.audit.sealer import Sealer
from services.compliance.projection import rebuild
from services.host.embedded_postgres.server import Server
from services.host.migrate import migrate
from services.web.database_connections import terminating
from services.web.log_check import LogAltered
from tests.audit.seals import FACTS, audit_settings, compared, derive, leaves, seal
from tests.compliance.log import Log, settings_for
from tests.compliance.seed import population
from tests.conftest import TEMPLATE
from tests.databases import Database, clone, drop

GROUPS: Final = population(60)
"""Facts for two tiles, one of them partial; the last group is not recorded."""
GUARDED: Final = (
    "certification.stored_events",
    "compliance.compliance_event",
    "audit.checkpoint",
    "audit.cosignature",
    "audit.signing_key",
    "audit.claim",
)
LATER_CLAIM: Final = """
    INSERT INTO audit.claim (
        number, partner_id, product, customer, allowed, at, position, policy_id, engine, actor, recorded_at)
    VALUES (1, 'P1', 'S200P', 'new', false, '2001-01-01 00:00Z', 1000000, '2021-08', '', 'portal', '2026-01-01 00:00Z')
"""
_numbers = itertools.count(1)


class Sealed(NamedTuple):
    """A database with facts, events and checkpoints, and what the sealer keeps outside."""

    database: Database
    directory: Path

    def as_owner(self, statements: LiteralString) -> None:
        """What the owner can do: the triggers are switched off and on again in the same transaction.

        PostgreSQL counts the changed rows before this returns, and not up to a second later.
        """
        with psycopg.connect(self.database.owner_url) as connection:
            for table in GUARDED:
                name = sql.Identifier(*table.split("."))
                connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER append_only").format(name))
            connection.execute(statements)
            for table in GUARDED:
                name = sql.Identifier(*table.split("."))
                enable = sql.SQL("ALTER TABLE IF EXISTS {} ENABLE ALWAYS TRIGGER append_only")
                if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() != (None,):
                    connection.execute(enable.format(name))
            connection.execute("SELECT pg_stat_force_next_flush()")

    def refused_at_start(self) -> LogAltered | None:
        return _refused(refuse_altered_logs(audit_settings(self.database, self.directory)))

    def refused_by_follower(self) -> LogAltered | None:
        settings = audit_settings(self.database, self.directory, database_url=self.database.follower_url)
        return _refused(compared(AlterationWatch(settings)))

    def rebuilt(self, *, verify: bool = False) -> None:
        check = AlterationWatch(audit_settings(self.database, self.directory, database_url=self.database.owner_url))
        rebuild.run(settings_for(self.database), self.database.owner_url, verify=verify, processes=1, check=check)


def _refused(comparison: Coroutine[Any, Any, None]) -> LogAltered | None:
    try:
        asyncio.run(comparison)
    except LogAltered as altered:
        return altered
    return None


@pytest.fixture(scope="module")
def original(templates: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    """Sealed once; the tests change copies."""
    name = "sealed_original"
    clone(templates, TEMPLATE, name)
    sealed = Sealed(Database(templates, name), tmp_path_factory.mktemp("sealed") / "audit")
    with psycopg.connect(sealed.database.owner_url, autocommit=True) as owner:
        log = Log(owner)
        log.write(GROUPS[:200])
        seal(sealed.database, sealed.directory)
        log.write(GROUPS[200:-1])
    asyncio.run(derive(sealed.database))
    seal(sealed.database, sealed.directory)
    yield sealed
    drop(templates, name)


@pytest.fixture
def sealed(original: Sealed, templates: Server, tmp_path: Path) -> Iterator[Sealed]:
    """A copy of the sealed database and of the directory."""
    name = f"sealed_{next(_numbers)}"
    clone(templates, original.database.name, name)
    directory = tmp_path / "audit"
    shutil.copytree(original.directory, directory)
    yield Sealed(Database(templates, name), directory)
    drop(templates, name)


ATTACKS: Final[dict[str, tuple[int, LiteralString]]] = {
    "a byte changed": (
        77,
        "UPDATE certification.stored_events SET state = set_byte(state, 13, 57) WHERE notification_id = 77",
    ),
    "a column that steers the routing": (
        77,
        "UPDATE certification.stored_events SET consultant_id = 'P1-A' WHERE notification_id = 77",
    ),
    "a stamp backdated": (
        77,
        "UPDATE certification.stored_events SET recorded_at = recorded_at - interval '1 h' WHERE notification_id = 77",
    ),
    "a row deleted": (77, "DELETE FROM certification.stored_events WHERE notification_id = 77"),
    "two rows swapped": (
        77,
        """UPDATE certification.stored_events SET notification_id = -1 WHERE notification_id = 77;
        UPDATE certification.stored_events SET notification_id = 77 WHERE notification_id = 78;
        UPDATE certification.stored_events SET notification_id = 78 WHERE notification_id = -1""",
    ),
    "a gap in a stream": (
        77,
        "UPDATE certification.stored_events SET originator_version = 9 WHERE notification_id = 77",
    ),
    "the tail cut": (400, "DELETE FROM certification.stored_events WHERE notification_id >= 400"),
    "an event changed": (
        20,
        "UPDATE compliance.compliance_event SET data = data || '\\x20'::bytea WHERE position = 20",
    ),
}
"""What the owner does, and the first position that differs."""


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_change_of_what_was_sealed_is_refused(sealed: Sealed, attack: str) -> None:
    position, statements = ATTACKS[attack]
    assert sealed.refused_by_follower() is None

    sealed.as_owner(statements)

    refused = sealed.refused_by_follower()
    assert refused is not None
    assert refused.position == position


def test_forged_tiles_hide_where_but_not_that_a_fact_was_changed(sealed: Sealed) -> None:
    """Between two kept checkpoints the owner hashes everything again, up to the root; only the signature is missing."""
    sealed.as_owner(ATTACKS["a byte changed"][1])
    forged = sealed.database
    with psycopg.connect(forged.owner_url, autocommit=True) as owner:
        owner.execute("SET timezone = 'UTC'")
        hashes = leaves(owner, FACTS)
        tile = b"".join(hashes[:256])
        owner.execute("UPDATE audit.tile SET hashes = %s WHERE log = 'facts' AND level = 0 AND number = 0", [tile])
        root = root_of(hashes[:256])
        owner.execute("UPDATE audit.tile SET hashes = %s WHERE log = 'facts' AND level = 1", [root])

    refused = sealed.refused_by_follower()

    assert refused is not None
    assert refused.position is None
    assert f"positions 1 to {GROUPS[199][-1].position}" in str(refused)
    assert sealed.refused_at_start() is not None


def test_a_running_follower_notices_a_change_far_back_before_it_derives(sealed: Sealed) -> None:
    """PostgreSQL counts a session's changes soon after the session ended, not before its client goes on."""

    async def compare_before_and_after() -> None:
        check = AlterationWatch(audit_settings(sealed.database, sealed.directory))
        try:
            await check.compare()
            check._next_check_at = float("inf")  # nothing but the change itself makes it look again
            await asyncio.to_thread(sealed.as_owner, ATTACKS["a column that steers the routing"][1])
            async with asyncio.timeout(15):
                while True:
                    await check.compare()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pass
        finally:
            await check.close()

    refused = _refused(compare_before_and_after())
    assert refused is not None
    assert refused.position == 77


def test_a_lost_tail_is_refused_at_start(sealed: Sealed) -> None:
    assert sealed.refused_at_start() is None
    sealed.as_owner(ATTACKS["the tail cut"][1])
    refused = sealed.refused_at_start()
    assert refused is not None
    assert refused.position == 400


def test_a_rebuild_never_launders_a_forged_fact(sealed: Sealed) -> None:
    sealed.as_owner("""
        UPDATE certification.stored_events SET effective_at = effective_at - interval '40 days',
            state = convert_to(
                replace(convert_from(state, 'UTF8'), '"effective_at":"2022-03', '"effective_at":"2022-01'), 'UTF8')
        WHERE topic LIKE '%consultant-left%';
        DROP SCHEMA compliance CASCADE
    """)
    migrate(sealed.database.owner_url, sandbox=False)
    for verify in (True, False):
        with pytest.raises(LogAltered, match=r"log of facts .* from position 421 on"):
            sealed.rebuilt(verify=verify)


def test_a_dropped_read_model_comes_back_only_as_it_was_sealed(sealed: Sealed) -> None:
    sealed.as_owner("DROP SCHEMA compliance CASCADE")
    migrate(sealed.database.owner_url, sandbox=False)
    refused = sealed.refused_by_follower()
    assert refused is not None
    assert (refused.log, refused.position) == ("compliance", 1)

    sealed.rebuilt()

    assert sealed.refused_by_follower() is None


def test_a_backup_that_lost_facts_is_refused_though_it_is_whole(
    original: Sealed, sealed: Sealed, tmp_path: Path
) -> None:
    """What was sealed after the backup is known beside the key alone."""
    with psycopg.connect(sealed.database.owner_url, autocommit=True) as owner:
        log = Log(owner)
        log.write(GROUPS[-1:])
    backup = tmp_path / "before"
    shutil.copytree(original.directory, backup)
    seal(sealed.database, sealed.directory)

    restored = Sealed(original.database, sealed.directory)

    for refused in (restored.refused_at_start(), restored.refused_by_follower()):
        assert refused is not None
        assert refused.position == GROUPS[-1][0].position
    assert Sealed(original.database, backup).refused_at_start() is None, "without that knowledge it takes a witness"


def test_everything_rewritten_and_signed_with_another_key_is_refused(sealed: Sealed, tmp_path: Path) -> None:
    sealed.as_owner(ATTACKS["a byte changed"][1])
    sealed.as_owner("""
        TRUNCATE audit.tile, audit.checkpoint, audit.cosignature, audit.signing_key;
        UPDATE audit.log SET size = 0
    """)
    seal(sealed.database, tmp_path / "another key")

    for refused in (sealed.refused_at_start(), sealed.refused_by_follower()):
        assert refused is not None
        assert "no known key signed it" in str(refused)
    with pytest.raises(LogAltered):
        seal(sealed.database, sealed.directory)


def test_a_tile_that_was_damaged_is_found(sealed: Sealed) -> None:
    sealed.as_owner("UPDATE audit.tile SET hashes = set_byte(hashes, 5, 0) WHERE log = 'facts' AND level = 1")
    refused = sealed.refused_at_start()
    assert refused is not None
    with pytest.raises(LogAltered):
        seal(sealed.database, sealed.directory)


def test_roots_beside_a_tile_that_are_wrong_are_found(sealed: Sealed) -> None:
    async def compare_tiles() -> None:
        check = AlterationWatch(audit_settings(sealed.database, sealed.directory))
        try:
            await check.compare()
            await check.compare_tiles()
        finally:
            await check.close()

    assert _refused(compare_tiles()) is None
    sealed.as_owner("UPDATE audit.tile SET group_roots = set_byte(group_roots, 5, 0) WHERE log = 'facts' AND level = 0")
    assert "tile 0 of level 0" in str(_refused(compare_tiles()))


async def test_while_one_log_is_altered_the_others_are_sealed(sealed: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.audit.sealer.ALTERED_PAUSE_SECONDS", 3600.0)
    sealed.as_owner("DELETE FROM compliance.compliance_event WHERE position > 3")

    async def until(select: LiteralString, found: object) -> None:
        async with asyncio.timeout(60):
            while True:
                with psycopg.connect(sealed.database.owner_url, autocommit=True) as owner:
                    if owner.execute(select).fetchone() == (found,):
                        return
                await asyncio.sleep(0.05)

    sealer = asyncio.create_task(Sealer(audit_settings(sealed.database, sealed.directory)).run())
    try:
        await until("SELECT coalesce(max(trouble), '') LIKE '%log of compliance%' FROM audit.heartbeat", found=True)
        with psycopg.connect(sealed.database.owner_url, autocommit=True) as owner:
            Log(owner).write(GROUPS[-1:])
        await until("SELECT size FROM audit.log WHERE name = 'facts'", GROUPS[-1][-1].position)
        await until("SELECT trouble LIKE '%log of compliance%' FROM audit.heartbeat", found=True)
    finally:
        sealer.cancel()
        await asyncio.gather(sealer, return_exceptions=True)


async def test_what_is_not_sealed_yet_has_no_gap_and_a_claim_names_facts_that_are_there(
    sealed: Sealed, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is signed beyond; a running sealer says so, without a traceback, in what readiness answers."""
    size = GROUPS[-1][0].position - 1
    with psycopg.connect(sealed.database.owner_url, autocommit=True) as owner:
        Log(owner).write(GROUPS[-1:])
        owner.execute(LATER_CLAIM)
    sealed.as_owner(
        """UPDATE certification.stored_events SET notification_id = notification_id + 1000
        WHERE notification_id > (SELECT size FROM audit.log WHERE name = 'facts')"""
    )
    settings = audit_settings(sealed.database, sealed.directory)
    with pytest.raises(LogAltered, match=f"log of facts is not what was sealed from position {size + 1} on"):
        await Sealer(settings).seal_everything()
    sealer, trouble = asyncio.create_task(Sealer(settings).run()), ""
    try:
        async with asyncio.timeout(60), terminating(connect(settings)) as connection:
            while "log of claims" not in trouble:
                trouble = (await check_readiness(connection))[1] or ""
                await asyncio.sleep(0.05)
    finally:
        sealer.cancel()
        await asyncio.gather(sealer, return_exceptions=True)
    assert f"log of facts is not what was sealed from position {size + 1} on" in trouble
    assert "claim 1 was judged from facts up to position 1000000, and they end at" in trouble
    assert not any(record.exc_info for record in caplog.records)


def test_nothing_is_signed_for_another_log(sealed: Sealed) -> None:
    """The schema made again: what is kept beside the key is of another log."""
    sealed.as_owner("DROP SCHEMA audit CASCADE")
    migrate(sealed.database.owner_url, sandbox=False)
    with pytest.raises(LogAltered, match="another log"):
        seal(sealed.database, sealed.directory)
    assert KeyDirectory(sealed.directory).note("facts") is not None


def test_a_follower_that_starts_again_hashes_what_came_since_unless_somebody_changed_the_log(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it knows of the rest is kept beside the key, which the owner of the database does not reach."""
    hashed: list[tuple[str, int]] = []

    async def counted(
        connection: Any, log: LogName, after: int, through: int, *, ahead: bool = False
    ) -> AsyncIterator[list[bytes]]:
        hashed.append((log, after))
        async for some in entries(connection, log, after, through, ahead=ahead):
            yield some

    def start() -> set[tuple[str, int]]:
        """Where it begins to hash."""
        hashed.clear()
        settings = audit_settings(sealed.database, sealed.directory, database_url=sealed.database.follower_url)
        with monkeypatch.context() as patched:
            patched.setattr("services.audit.extension_check.sealed_log.entries", counted)
            patched.setattr("services.audit.alteration_watch.RECHECKED_TILES", 0)
            asyncio.run(compared(AlterationWatch(settings, resumes=True)))
        return {(log, after) for log, after in hashed if after == 0}

    whole = {("facts", 0), ("compliance", 0)}
    assert start() == whole
    with psycopg.connect(sealed.database.owner_url, autocommit=True) as owner:
        Log(owner).write(GROUPS[-1:])
    seal(sealed.database, sealed.directory)
    assert start() == set()
    kept = sealed.directory / "facts.compared"
    kept.write_bytes(kept.read_bytes().replace(b"=", b"+", 1))
    assert start() == {("facts", 0)}

    sealed.as_owner(ATTACKS["a byte changed"][1])

    with pytest.raises(LogAltered, match="from position 77 on"):
        start()
