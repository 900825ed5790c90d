"""Proofs of facts from the stored tiles: each verifies, and where a tile is wrong the answer says so."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple

import httpx
import psycopg
import pytest
from psycopg import sql

from services.audit import fact_prover, sealed_log
from services.audit.answer_proofs import AnswerProofs
from services.audit.app import create_app
from services.audit.checkpoint import Checkpoint
from services.audit.database import create_pool
from services.audit.merkle import leaf_hash, verify_inclusion
from services.audit.note import decode_hash
from services.audit.proof_paths import path_in_tile
from services.host.embedded_postgres.server import Server
from services.web.fact_proofs import FoundProofs
from tests.audit.seals import audit_settings, seal
from tests.compliance.log import Log
from tests.compliance.seed import population
from tests.conftest import TEMPLATE
from tests.databases import Database, clone, drop

GROUPS: Final = population(120)
"""Facts for three tiles and a partial one."""
MIGRATION: Final = Path(sealed_log.__file__).parent / "migrations/versions/0005_group_roots.sql"


class Sealed(NamedTuple):
    """Facts of which all but the last few are sealed. `last`: the last of all."""

    database: Database
    directory: Path
    size: int
    last: int

    def of(self, *positions: int) -> FoundProofs:
        """The proofs of these facts, asked for twice by one process: what it keeps makes no difference."""

        async def asked() -> FoundProofs:
            proofs = AnswerProofs(audit_settings(self.database, self.directory))
            async with proofs.running():
                first = await proofs.of(positions)
                assert await proofs.of(positions) == first
                return first

        return asyncio.run(asked())

    def proof(self, position: int) -> httpx.Response:
        """The answer of the endpoint."""

        async def asked(fact_id: str) -> httpx.Response:
            app = create_app(audit_settings(self.database, self.directory))
            transport = httpx.ASGITransport(app)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://a") as client,
            ):
                return await client.get(f"/certification/v1/facts/{fact_id}/proof")

        with psycopg.connect(self.database.owner_url) as owner:
            select = "SELECT fact_id FROM certification.stored_events WHERE notification_id = %s"
            row = owner.execute(select, [position]).fetchone()
        assert row is not None
        return asyncio.run(asked(row[0]))


@pytest.fixture(scope="module")
def original(templates: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    name = "proofs_original"
    clone(templates, TEMPLATE, name)
    database, directory = Database(templates, name), tmp_path_factory.mktemp("proofs") / "audit"
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        log = Log(owner)
        for groups in (GROUPS[:100], GROUPS[100:-1]):
            log.write(groups)
            seal(database, directory)
        log.write(GROUPS[-1:])
    last = GROUPS[-1][-1].position
    yield Sealed(database, directory, GROUPS[-2][-1].position, last)
    drop(templates, name)


@pytest.fixture
def sealed(original: Sealed, templates: Server) -> Iterator[Sealed]:
    """A copy, to be changed."""
    clone(templates, original.database.name, "proofs_changed")
    yield original._replace(database=Database(templates, "proofs_changed"))
    drop(templates, "proofs_changed")


def verified(found: FoundProofs) -> set[int]:
    """The positions whose proofs verify, as anybody would verify them; all have to."""
    for position, fact in found.facts.items():
        heading, index, *hashes = fact.tlog_proof.partition("\n\n")[0].splitlines()
        assert (heading, index) == ("c2sp.org/tlog-proof@v1", f"index {position - 1}")
        checkpoint = Checkpoint.parse(fact.tlog_proof.split("\n\n")[1] + "\n")
        proof = [decode_hash(line) for line in hashes]
        verify_inclusion(position - 1, checkpoint.size, leaf_hash(fact.entry.encode()), proof, checkpoint.root)
    return set(found.facts)


def changed(sealed: Sealed, statement: LiteralString) -> None:
    """As the owner, with the triggers switched off."""
    with psycopg.connect(sealed.database.owner_url) as owner:
        for table in ("certification.stored_events", "audit.checkpoint"):
            owner.execute(
                sql.SQL("ALTER TABLE {} DISABLE TRIGGER append_only").format(sql.Identifier(*table.split(".")))
            )
        assert owner.execute(statement).rowcount > 0


def test_every_sealed_fact_is_proved_and_the_answer_counts_the_others(original: Sealed) -> None:
    every = range(1, original.last + 1)
    found = original.of(*every)
    assert original.size > 3 * 256
    assert verified(found) == set(every[: original.size])
    unsealed = original.last - original.size
    said = f"Not sealed yet: {unsealed} of the facts. The latest checkpoint ends at position {original.size}."
    assert found.missing == (said,)
    refused = original.proof(original.last)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:sagecert:problem:not-sealed")
    assert refused.headers["retry-after"]


def test_full_tiles_are_stored_with_the_roots_and_those_from_before_get_the_same(sealed: Sealed) -> None:
    select = "SELECT log, level, number, group_roots FROM audit.tile WHERE octet_length(hashes) = 8192 ORDER BY 1, 2, 3"
    with psycopg.connect(sealed.database.owner_url) as owner:
        stored = owner.execute(select).fetchall()
        owner.execute("UPDATE audit.tile SET group_roots = NULL")
        owner.commit()
        assert verified(sealed.of(1, 300, sealed.size)) == {1, 300, sealed.size}, (
            "they are computed where there are none"
        )
        _, _, filling = MIGRATION.read_text().partition("the tile is partial.';\n")
        owner.execute(filling.encode())
        assert owner.execute(select).fetchall() == stored
    assert len(stored) == sealed.size // 256
    assert all(group_roots for *_, group_roots in stored)


FLIP: Final = "UPDATE audit.tile SET hashes = set_byte(hashes, 96, get_byte(hashes, 96) # 1) WHERE log = 'facts' AND "
WRONG: Final[dict[str, tuple[LiteralString, range | None]]] = {
    "a hash of a tile": (FLIP + "level = 0 AND number = 0", range(1, 17)),
    "a root over 16 hashes": (
        "UPDATE audit.tile SET group_roots = sha256('x') || substring(group_roots FROM 33) WHERE number = 0",
        range(1, 257),
    ),
    "a tile that is gone": ("DELETE FROM audit.tile WHERE level = 0 AND number = 1", range(257, 513)),
    "a tile that is too short": (
        "UPDATE audit.tile SET hashes = substring(hashes FROM 1 FOR 64) WHERE level = 0 AND number = 1",
        range(257, 513),
    ),
    "a tile of one hash, stored without roots": (
        "UPDATE audit.tile SET hashes = substring(hashes FOR 32), group_roots = NULL WHERE level = 0 AND number = 1",
        range(257, 513),
    ),
    "the tile above": (FLIP.replace("96", "0") + "level = 1", None),
    "the last tile": (FLIP + "level = 0 AND octet_length(hashes) < 8192", None),
    "a fact": ("UPDATE certification.stored_events SET actor = 'x' WHERE notification_id = 300", range(300, 301)),
    "a fact that is gone": ("DELETE FROM certification.stored_events WHERE notification_id = 300", range(300, 301)),
    "the root": ("UPDATE audit.checkpoint SET root = sha256(root)", None),
}
"""What the owner changes, and which facts are without a proof then; None: all."""


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_as_it_was_sealed_makes_no_proof_and_the_answer_says_so(sealed: Sealed, what: str) -> None:
    statement, wrong = WRONG[what]
    every = range(1, sealed.size + 1)
    changed(sealed, statement)

    found = sealed.of(*every)

    wrong = every if wrong is None else wrong
    assert verified(found) == set(every) - set(wrong)
    (said,) = found.missing
    assert said.startswith(f"The log is not what was sealed: what is stored of position {wrong[0]}")
    if what != "a fact that is gone":
        refused = sealed.proof(wrong[0])
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:sagecert:problem:log-altered")


def test_what_was_mended_is_proved_again_by_the_same_process(sealed: Sealed) -> None:
    async def asked() -> list[set[int]]:
        proofs, found = AnswerProofs(audit_settings(sealed.database, sealed.directory)), []
        async with proofs.running():
            for _ in range(2):
                changed(sealed, FLIP.replace("96", "0") + "level = 1")
                found.append(verified(await proofs.of([1, 600])))
        return found

    assert asyncio.run(asked()) == [set(), {1, 600}]


def test_what_was_proved_is_proved_again_from_what_is_kept_and_read_again_after_a_minute(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is what was sealed, so its proof stays right; what was changed is noticed after the minute."""
    hashed = list[int]()

    def counted(index: int, *given: Any) -> tuple[list[bytes], bytes]:
        hashed.append(index + 1)
        return path_in_tile(index, *given)

    monkeypatch.setattr("services.audit.fact_prover.path_in_tile", counted)
    monkeypatch.setattr(fact_prover, "FACTS_KEPT_SECONDS", 0.5)

    async def asked() -> None:
        proofs = AnswerProofs(audit_settings(sealed.database, sealed.directory))
        async with proofs.running():
            first = await proofs.of([1, 300, 301, sealed.size])
            changed(sealed, "UPDATE certification.stored_events SET actor = 'x' WHERE notification_id = 300")
            assert await proofs.of([1, 300, 301, sealed.size]) == first
            assert verified(first) == {1, 300, 301, sealed.size}
            assert hashed == [1, 300, 301], "those of the last tile are not kept"
            await asyncio.sleep(0.5)
            later = await proofs.of([1, 300, 301, sealed.size])
            assert verified(later) == {1, 301, sealed.size}
            assert "position 300 does not lead" in later.missing[0]

    asyncio.run(asked())


def test_what_is_kept_is_bounded(original: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fact_prover, "FACTS_KEPT_MAX", 5)

    async def asked() -> None:
        settings = audit_settings(original.database, original.directory)
        prover = fact_prover.FactProver(settings)
        async with create_pool(settings, connections_max=1) as pool, pool.acquire() as connection:
            for first in (1, 300, 520):
                found = await prover.prove(connection, range(first, first + 20))
                assert verified(FoundProofs(found.facts)) == set(range(first, first + 20))
                assert len(prover._facts) == 5

    asyncio.run(asked())


def test_a_database_that_hangs_costs_an_explanation_its_proofs_alone(
    sealed: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.answer_proofs.SECONDS_MAX", 0.2)
    with psycopg.connect(sealed.database.owner_url) as holding:
        holding.execute("LOCK TABLE audit.tile IN ACCESS EXCLUSIVE MODE")
        found = sealed.of(1)
    assert found == FoundProofs({}, ("The database did not answer in time: ask again for the proofs.",))
