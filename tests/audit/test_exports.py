"""An export holds everything that its checkpoints cover, in members that a stranger can read with public tools."""

import asyncio
import io
import json
import os
import tarfile
from base64 import b64decode
from pathlib import Path
from typing import Never

import httpx
import pytest
from click.testing import CliRunner
from psycopg import Connection

from services.audit import export
from services.audit.app import create_app
from services.audit.checkpoint import Checkpoint
from services.audit.merkle import leaf_hash, root_of, verify_inclusion
from services.audit.note import VerifierKey, decode_hash, open_note
from services.audit.refusals import NotSealed
from services.audit.sealed_log_answers import EXPORTS_MAX
from services.cli import main
from services.cli.audit_commands import _shown
from services.host.export_file import write_export
from services.web.fair_places import caller_name
from tests.audit.seals import EVENTS, FACTS, audit_settings, derive, leaves, seal
from tests.compliance.log import Log
from tests.compliance.seed import population
from tests.databases import Database
from tests.systems import System

SECONDS_MAX = 20
CLAIM = """
    INSERT INTO audit.claim (
        number, partner_id, product, customer, allowed, at, position, policy_id, engine, actor, recorded_at)
    VALUES (1, 'P1', 'S200P', 'new', false, '2001-01-01 00:00Z', 1, '2021-08', '', 'portal', '2026-01-01 00:00Z')
"""


def members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def unbundled(bundle: bytes) -> list[bytes]:
    entries = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return entries


def test_the_whole_export_leads_to_its_roots(database: Database, owner: Connection, tmp_path: Path) -> None:
    owner.execute("SET timezone = 'UTC'")
    log, groups = Log(owner), population(45)
    for part in (groups[:50], groups[50:]):
        log.write(part)
        asyncio.run(derive(database))
        seal(database, tmp_path / "audit")
    settings = audit_settings(database, tmp_path / "audit", database_url=database.auditor_url)

    size = write_export(settings, None, None, tmp_path / "all.tar.gz", _shown)

    found = members((tmp_path / "all.tar.gz").read_bytes())
    manifest = json.loads(found["manifest.json"])
    assert manifest["logs"]["facts"]["size"] == size == groups[-1][-1].position
    for name, columns in (("facts", FACTS), ("compliance", EVENTS)):
        described = manifest["logs"][name]
        expected = leaves(owner, columns)
        entries = [
            entry
            for member, content in found.items()
            if member.startswith(f"{name}/tile/entries/")
            for entry in unbundled(content)
        ]
        assert [leaf_hash(entry) for entry in entries] == expected
        hashes = b"".join(content for member, content in found.items() if member.startswith(f"{name}/tile/0/"))
        assert hashes == b"".join(expected)
        keys = [VerifierKey.parse(key) for key in described["keys"]]
        checkpoint = Checkpoint.parse(open_note(found[f"{name}/checkpoint"].decode(), keys)[0])
        assert checkpoint == Checkpoint(described["origin"], len(entries), b64decode(described["root"]))
        assert checkpoint.root == root_of(expected)
        for line in found[f"{name}/checkpoints/000.jsonl"].splitlines():
            earlier = Checkpoint.parse(open_note(json.loads(line)["note"], keys)[0])
            assert earlier.root == root_of(expected[: earlier.size])
    order = [member.split("/")[0] for member in found]
    assert order == sorted(order, key=["manifest.json", "facts", "compliance", "claims"].index)

    until = write_export(settings, None, 10, tmp_path / "until.tar.gz", _shown)
    assert until == groups[49][-1].position
    bounded = json.loads(members((tmp_path / "until.tar.gz").read_bytes())["manifest.json"])
    events = owner.execute(
        "SELECT count(*) FROM compliance.compliance_event WHERE position <= %s AND fact_position > %s",
        [bounded["logs"]["compliance"]["size"], until],
    ).fetchone()
    assert events == (0,)


def test_a_partners_export_proves_each_entry_and_says_what_it_cannot_prove(system: System) -> None:
    for number, partner in enumerate(("harbour", "other")):
        system.record("partners", f"p{number}", partner_id=partner, kind="VAR", programme="PARTNER_SUCCESS")
    system.record("partners/harbour/consultants", "link", consultant_id="ada")
    left = system.record("partners/harbour/departures", "left", consultant_id="ada", reason="moved to Leeds").json()
    proof = sealed_proof(system, left["fact_id"])
    system.http.delete(f"/certification/v1/facts/{left['fact_id']}/free-text").raise_for_status()

    answer = system.http.get("/audit/v1/exports", params={"partner_id": "harbour"}).raise_for_status()

    found = members(answer.content)
    manifest = json.loads(found["manifest.json"])
    assert manifest["partner_id"] == "harbour"
    assert any("no other" in said or "it is all" in said for said in manifest["unproved"])
    assert json.loads(found["erasures/000.jsonl"]) == {"fact_id": left["fact_id"]}
    assert b"Leeds" not in b"".join(found.values())
    entries = {name: content for name, content in found.items() if "/entries/" in name}
    assert [name for name in entries if name.startswith("facts/")] == [f"facts/entries/{place}" for place in (1, 3, 4)]
    assert all(b"other" not in content for content in entries.values())
    for name, entry in entries.items():
        keys = [VerifierKey.parse(key) for key in manifest["logs"][name.split("/")[0]]["keys"]]
        holds(found[name.replace("/entries/", "/proofs/") + ".tlog-proof"].decode(), entry, keys)
    holds(proof, entries["facts/entries/4"], [VerifierKey.parse(key) for key in manifest["logs"]["facts"]["keys"]])


def test_a_pipe_or_a_device_is_not_replaced_by_an_export(database: Database, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is no plain file"):
        write_export(audit_settings(database, tmp_path / "audit"), None, None, pipe, _shown)
    assert pipe.is_fifo()


def test_the_command_takes_no_partner_that_cannot_be_one(tmp_path: Path) -> None:
    asked = ("audit", "export", "--partner", "../x", "-o", str(tmp_path / "x"))
    shown = CliRunner().invoke(main, asked)
    assert (shown.exit_code, "1 to 64 letters, digits, - and _" in shown.output) == (2, True)


def test_no_export_ends_early_because_of_a_claim_that_nobody_can_have_made(
    database: Database, owner: Connection, tmp_path: Path
) -> None:
    directory = tmp_path / "audit"
    Log(owner).write(population(2))
    owner.execute(CLAIM)
    seal(database, directory)
    owner.execute("INSERT INTO audit.claim_reach (engine, position, number) VALUES ('', 1000000, 1)")

    async def asked() -> httpx.Response:
        app = create_app(audit_settings(database, directory, database_url=database.auditor_url))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://a") as http,
        ):
            return await http.get("/audit/v1/exports")

    said = "claim 1 was judged from facts up to position 1000000, and they end at"
    answer = asyncio.run(asked())
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:sagecert:problem:log-altered")
    assert said in answer.json()["detail"]
    environment = {"DATABASE_URL": database.owner_url, "SAGECERT_AUDIT_DIRECTORY": str(directory)}
    shown = CliRunner().invoke(main, ["audit", "export", "-o", str(tmp_path / "x")], env=environment)
    assert (shown.exit_code, said in shown.output, (tmp_path / "x").exists()) == (1, True, False), shown.output


def sealed_proof(system: System, fact_id: str) -> str:
    """The proof of a fact, once it is sealed."""
    answer = httpx.Response(503)
    while answer.status_code == 503:
        answer = system.http.get(f"/certification/v1/facts/{fact_id}/proof")
    return answer.raise_for_status().text


def holds(proof: str, entry: bytes, keys: list[VerifierKey]) -> None:
    """A `.tlog-proof` of an entry, checked by its three parts: index, hashes and note."""
    head, _, note = proof.partition("\n\n")
    title, index, *hashes = head.split("\n")
    assert title == "c2sp.org/tlog-proof@v1"
    checkpoint = Checkpoint.parse(open_note(note, keys)[0])
    place = int(index.removeprefix("index "))
    verify_inclusion(place, checkpoint.size, leaf_hash(entry), [decode_hash(line) for line in hashes], checkpoint.root)


async def export_of(caller: str, http: httpx.AsyncClient) -> httpx.Response:
    caller_name.set(caller)
    return await http.get("/audit/v1/exports")


async def test_so_many_exports_are_made_at_once_however_many_are_asked_for(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A place is taken before anything is read, and given back also where nothing can be exported."""
    begun = 0
    go_on = asyncio.Event()

    async def prepare(*_: object) -> Never:
        nonlocal begun
        begun += 1
        await go_on.wait()
        raise NotSealed("Nothing is sealed.")

    monkeypatch.setattr(export, "prepare", prepare)
    app = create_app(audit_settings(database, tmp_path))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://audit") as http,
    ):
        for _ in range(2):
            go_on.clear()
            asked = [asyncio.create_task(export_of(caller, http)) for caller in ["hot"] * 8 + ["other"]]
            done = asyncio.as_completed(asked, timeout=SECONDS_MAX)
            for _ in range(len(asked) - EXPORTS_MAX):
                await next(done)
            go_on.set()
            titles = [answer.json()["title"] for answer in await asyncio.gather(*asked)]
            assert titles[-1] == "Not sealed yet", "one caller leaves a place to the others"
            assert sorted(titles) == ["Not sealed yet"] * EXPORTS_MAX + ["Too many exports at once"] * (9 - EXPORTS_MAX)
    assert begun == 2 * EXPORTS_MAX
