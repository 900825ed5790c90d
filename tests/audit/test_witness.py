"""A witness cosigns what extends all that it has seen, and keeps what contradicts it."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import aiohttp
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection

from services.audit import witness_client
from services.audit.alteration_watch import AlterationWatch
from services.audit.checkpoint import Checkpoint
from services.audit.merkle import EMPTY_ROOT, leaf_hash, root_of
from services.audit.note import (
    COSIGNATURE,
    ED25519,
    VerifierKey,
    cosigned_at,
    encode_hashes,
    open_note,
    public_bytes,
    sign,
    signature_lines,
    signed_note,
)
from services.audit.sealer import Sealer
from services.audit.tiles import consistency_ranges
from services.audit.witness.state import WitnessState
from services.audit.witness.witness import Answer, Witness
from services.web.log_check import LogAltered
from tests.audit.seals import audit_settings, seal
from tests.compliance.log import Log
from tests.compliance.seed import population
from tests.databases import Database
from tests.systems import serving

ORIGIN: Final = "log.example/facts"
KEY: Final = Ed25519PrivateKey.generate()
LEAVES: Final = [leaf_hash(bytes([number])) for number in range(40)]
OTHERS: Final = [leaf_hash(b"other" if number == 3 else bytes([number])) for number in range(40)]
NOW: Final = 1_790_000_000
SECONDS_MAX: Final = 30
COSIGNED: Final = "SELECT max(s.size) FROM audit.cosignature s WHERE s.log = 'facts'"


class Asked:
    """A witness, asked in the words of the protocol."""

    def __init__(self, directory: Path) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.path = directory / "seen.sqlite"
        self.state = WitnessState(self.path)
        log = VerifierKey(ORIGIN, ED25519, public_bytes(KEY))
        self.witness = Witness("witness.example/w1", self.key, [log], self.state, lambda: NOW)

    def add(self, old: int, size: int, leaves: list[bytes] = LEAVES, *, signer: Ed25519PrivateKey = KEY) -> Answer:
        proof = (
            [root_of(leaves[first:after]) for first, after in consistency_ranges(old, size)] if 0 < old < size else []
        )
        return self.witness.add_checkpoint(f"old {old}\n{encode_hashes(proof)}\n{note(size, leaves, signer)}")


def note(size: int, leaves: list[bytes], signer: Ed25519PrivateKey = KEY, origin: str = ORIGIN) -> str:
    text = Checkpoint(origin, size, root_of(leaves[:size]) if size else EMPTY_ROOT).text
    return signed_note(text, [sign(text, origin, signer)])


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    asked = Asked(tmp_path)
    yield asked
    asked.state.close()


def test_each_extension_is_cosigned_with_the_time(asked: Asked) -> None:
    for old, size in ((0, 0), (0, 1), (1, 5), (5, 5), (5, 32), (32, 40)):
        answer = asked.add(old, size)
        assert answer.status == 200, answer.body
        (signature,) = signature_lines(answer.body)
        assert cosigned_at(signature) == NOW
        open_note(note(size, LEAVES) + answer.body, [asked.witness.verifier_key])
    kept = asked.witness.latest(sha256(ORIGIN.encode()).hexdigest())
    assert kept is not None
    text, _ = open_note(kept, [asked.witness.verifier_key])
    assert Checkpoint.parse(text).size == 40


def test_what_is_no_extension_is_refused_for_ever(asked: Asked, tmp_path: Path) -> None:
    assert asked.add(0, 10).status == 200
    assert asked.add(0, 12) == Answer(409, "10\n", "text/x.tlog.size")
    assert asked.add(12, 20) == Answer(409, "10\n", "text/x.tlog.size")
    assert asked.add(20, 12).status == 400
    assert asked.add(10, 20, OTHERS).status == 422, "another past"
    assert asked.add(10, 10, OTHERS).status == 409, "two roots at one size"
    asked.state.close()
    again = Asked(tmp_path)
    assert again.add(10, 20, OTHERS).status == 422, "what it has seen survives it"
    again.state.close()
    with sqlite3.connect(asked.path) as kept:
        whys = [why for (why,) in kept.execute("SELECT why FROM conflict ORDER BY rowid")]
    kept.close()
    assert len(whys) == 3
    assert whys[1] == "Two roots at size 10."


def test_strangers_and_nonsense_are_refused(asked: Asked) -> None:
    assert asked.add(0, 5, signer=Ed25519PrivateKey.generate()).status == 403
    unknown = f"old 0\n\n{note(5, LEAVES, origin='stranger.example')}"
    assert asked.witness.add_checkpoint(unknown).status == 404
    good = f"old 0\n\n{note(5, LEAVES)}"
    hashes = encode_hashes(LEAVES[:1])
    for bad in (
        "",
        "old 0",
        good.replace("old 0", "old 00"),
        good.replace("old 0", "new 0"),
        good.replace("\n\n", "\n", 1),
        good.replace("old 0\n", f"old 0\n{hashes * 64}"),
        good.replace("— ", "- "),
        good.replace("\n5\n", "\n05\n"),
        good + "\x00",
    ):
        assert asked.witness.add_checkpoint(bad).status in (400, 403), bad
    assert asked.witness.add_checkpoint(good.replace("old 0\n", f"old 0\n{hashes}")).status == 422
    assert asked.witness.add_checkpoint(good).status == 200


def test_a_checkpoint_counts_once_the_quorum_has_signed_and_a_restored_backup_is_refused(
    database: Database, owner: Connection, tmp_path: Path
) -> None:
    """The real witness as a process; the directory beside the key is lost with the database."""
    groups = population(3)
    log = Log(owner)
    log.write(groups[:2])
    seal(database, tmp_path / "audit")
    keys = (tmp_path / "audit" / "verifier-keys").read_text().splitlines()
    options = [word for key in keys for word in ("--log", key)]
    with ExitStack() as running:
        command = ("witness", "serve", "--name", "w.example", "--directory", str(tmp_path / "w"), *options)
        _, url = running.enter_context(serving({}, *command))
        witness = {"url": url, "key": httpx.get(f"{url}/key").text.strip()}
        log.write(groups[2:])
        seal(database, tmp_path / "audit", witnesses=[witness])

        origin, size = owner.execute("SELECT origin, size FROM audit.log WHERE name = 'facts'").fetchone() or ("", 0)
        cosigned = owner.execute("SELECT size, witness FROM audit.cosignature WHERE log = 'facts'").fetchall()
        assert cosigned == [(size, witness["key"])]
        seen = httpx.get(f"{url}/checkpoint/{sha256(origin.encode()).hexdigest()}").text
        text, _ = open_note(seen, [VerifierKey.parse(witness["key"])])
        assert Checkpoint.parse(text).size == size

        owner.execute("ALTER TABLE certification.stored_events DISABLE TRIGGER append_only")
        owner.execute("DELETE FROM certification.stored_events WHERE notification_id > 5")
        owner.execute("ALTER TABLE audit.checkpoint DISABLE TRIGGER append_only")
        owner.execute("ALTER TABLE audit.cosignature DISABLE TRIGGER append_only")
        owner.execute("DELETE FROM audit.cosignature; DELETE FROM audit.checkpoint")
        check = AlterationWatch(audit_settings(database, tmp_path / "another", witnesses=[witness]))

        async def compared() -> None:
            try:
                await check.compare()
            finally:
                await check.close()

        with pytest.raises(LogAltered, match=r"from position 6 on: .* the witness w\.example"):
            asyncio.run(compared())


@pytest.mark.parametrize("resets", [False, True])
async def test_a_witness_that_closed_an_idle_connection_is_asked_again_at_once(tmp_path: Path, resets: bool) -> None:
    """The connection is kept open after the first answer, and closed when the next request comes."""
    asked, requests = Asked(tmp_path), list[int]()

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in (1, 2):
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                request = (await reader.readexactly(length)).decode()
                requests.append(number)
                if number == 1 and len(requests) <= 5:
                    answer = asked.witness.add_checkpoint(request)
                    head = f"HTTP/1.1 {answer.status} OK\r\nContent-Length: {len(answer.body.encode())}\r\n\r\n"
                    writer.write(head.encode() + answer.body.encode())
                    continue
            if resets:
                writer.transport.abort()
            writer.close()
            return

    async def proof(old_size: int) -> list[bytes]:
        return [root_of(LEAVES[first:after]) for first, after in consistency_ranges(old_size, size)]

    async with await asyncio.start_server(answer_once, "127.0.0.1", 0) as server, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        witness = witness_client.WitnessAddress(asked.witness.verifier_key, url)
        old = 0
        for size in (5, 9, 20):
            assert await witness_client.cosignature(session, witness, note(size, LEAVES), old, proof)
            old = size
        assert requests == [1, 2, 1, 2, 1], "the second request of a connection is sent again on another"
        size = 30
        with pytest.raises(witness_client.WitnessError, match="does not answer"):
            await witness_client.cosignature(session, witness, note(size, LEAVES), old, proof)
        assert requests == [1, 2, 1, 2, 1, 2, 1], "a witness that closes each connection is not asked for ever"
    asked.state.close()


async def test_a_witness_that_hangs_holds_up_neither_the_log_nor_another_witness(
    database: Database, owner: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one answers byte by byte. Its cosignature is the quorum, again and again.

    Under the name of a third the second one answers, with another key: that counts for nothing.
    """
    monkeypatch.setattr(witness_client, "DEADLINE_SECONDS", 600.0)
    groups, directory = population(3), tmp_path / "audit"
    log = Log(owner)
    log.write(groups[:2])
    await asyncio.to_thread(seal, database, directory)
    keys = [VerifierKey.parse(line) for line in (directory / "verifier-keys").read_text().split()]
    state = WitnessState(tmp_path / "seen.sqlite")
    witness = Witness("slow.example", Ed25519PrivateKey.generate(), keys, state, lambda: NOW)

    async def answer_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            answer = witness.add_checkpoint((await reader.readexactly(length)).decode())
            body = answer.body.encode()
            head = f"HTTP/1.1 {answer.status} OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode())
            for place in range(0, len(body), 16):
                writer.write(body[place : place + 16])
                await writer.drain()
                await asyncio.sleep(0.005)

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await stopped.wait()

    stopped = asyncio.Event()
    async with (
        await asyncio.start_server(answer_slowly, "127.0.0.1", 0) as slow,
        await asyncio.start_server(hang, "127.0.0.1", 0) as hanging,
    ):
        never = VerifierKey("never.example", COSIGNATURE, bytes(32))
        lied = VerifierKey(witness.verifier_key.name, COSIGNATURE, public_bytes(KEY))
        witnesses = [
            {"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "key": key.text}
            for server, key in ((hanging, never), (slow, lied), (slow, witness.verifier_key))
        ]
        sealing = asyncio.create_task(Sealer(audit_settings(database, directory, witnesses=witnesses, quorum=1)).run())
        try:
            for part in (groups[2:4], groups[4:6], groups[6:8]):
                log.write(part)
                async with asyncio.timeout(SECONDS_MAX):
                    while owner.execute(COSIGNED).fetchone() != (part[-1][-1].position,):
                        assert not sealing.done()
                        await asyncio.sleep(0.05)
            signed = owner.execute("SELECT DISTINCT s.witness FROM audit.cosignature s").fetchall()
            assert signed == [(witness.verifier_key.text,)]
        finally:
            stopped.set()
            sealing.cancel()
            await asyncio.gather(sealing, return_exceptions=True)
            state.close()
