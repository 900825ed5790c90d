"""Files made to harm who verifies them: each ends with status 2 and a sentence, in bounded memory."""

import base64
import gzip
import io
import json
import resource
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from sagecert_verify.note import ED25519, Key
from tests.verify.exports import LOGS, archive, claim_entries, export_of

MEGABYTE: Final = 1 << 20
MEMORY_MAX: Final = 256 * MEGABYTE
SECONDS_MAX: Final = 120
MEMBERS: Final = export_of(3).members()


def compressed(parts: Iterator[bytes]) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join([*(deflate.compress(part) for part in parts), deflate.flush()])


def member(name: str, size: int = 0, **attributes: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info.tobuf(tarfile.USTAR_FORMAT)


def after_an_export(*parts: bytes) -> bytes:
    """Parts after all members of a real export."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in MEMBERS.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        end = buffer.tell()
    return gzip.compress(buffer.getvalue()[:end] + b"".join(parts), 1)


def bomb() -> bytes:
    """Hundreds of megabytes of nothing, in two."""
    return compressed(bytes(MEGABYTE) for _ in range(300))


def bomb_of_claims() -> bytes:
    """Half a million, more than the checkpoint says."""
    claim = {
        **dict.fromkeys(("partner_id", "product", "policy_id", "engine", "actor"), "x"),
        "customer": "new",
        "allowed": True,
        "position": 1,
        "at": "2022-03-01T09:00:00.000000Z",
    }
    (entry,) = claim_entries([claim])
    bundle = (len(entry).to_bytes(2, "big") + entry) * (16 * MEGABYTE // (len(entry) + 2))
    name = next(name for name in MEMBERS if name.startswith("facts/tile/entries/")).replace("facts", "claims")
    return after_an_export(member(name, len(bundle)), bundle + bytes(-len(bundle) % 512))


def many_keys_and_signatures() -> bytes:
    """Thousands of keys in the manifest, and notes with as many signatures as there may be: none is by one of them."""
    manifest = json.loads(MEMBERS["manifest.json"])
    for name in LOGS:
        key = Key.read(manifest["logs"][name]["keys"][0])
        others = (Key(key.name, ED25519, sha256(str(number).encode()).digest()) for number in range(4_000))
        manifest["logs"][name]["keys"] += [
            f"{k.name}+{k.number.hex()}+{base64.b64encode(bytes([k.kind]) + k.public).decode()}" for k in others
        ]
    note, size = MEMBERS["facts/checkpoint"].decode(), manifest["logs"]["facts"]["size"]
    line = f"— {Key.read(manifest['logs']['facts']['keys'][0]).name} {base64.b64encode(bytes(68)).decode()}\n"
    kept = {"size": size, "note": note + line * 150}
    lines = (json.dumps(kept).encode() + b"\n") * 1_000
    first = {"manifest.json": json.dumps(manifest).encode(), "facts/checkpoint": MEMBERS["facts/checkpoint"]}
    rest = {name: content for name, content in MEMBERS.items() if name not in first}
    return gzip.compress(archive({**first, "facts/checkpoints/000.jsonl": lines, **rest}), 1)


HOSTILE: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "a bomb": (bomb, "damaged"),
    "many claims": (bomb_of_claims, "after 0 tiles of claims/tile/entries"),
    "a line of 1 GB": (lambda: after_an_export(member("erasures/000.jsonl", 1 << 30)), "more than"),
    "a line of 9 MB": (
        lambda: after_an_export(member("erasures/000.jsonl", 9 << 20), b"9" * (9 << 20)),
        "names no fact",
    ),
    "30 million lines": (
        lambda: after_an_export(member("erasures/000.jsonl", 30 << 20), b"\n" * (30 << 20)),
        "times its size",
    ),
    "brackets": (lambda: after_an_export(member("erasures/000.jsonl", 1 << 20), b"[" * (1 << 20)), "names no fact"),
    "a NUL in a name": (lambda: after_an_export(member("facts/check\0point")), "damaged"),
    "a name that leads out": (lambda: after_an_export(member("../../etc/passwd")), "belongs to no export"),
    "an absolute name": (lambda: after_an_export(member("/etc/passwd")), "belongs to no export"),
    "a symbolic link": (
        lambda: after_an_export(member("facts/checkpoint", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
        "is not a plain file",
    ),
    "a hard link": (
        lambda: after_an_export(member("facts/checkpoint", type=tarfile.LNKTYPE, linkname="manifest.json")),
        "is not a plain file",
    ),
    "a device": (lambda: after_an_export(member("facts/checkpoint", type=tarfile.CHRTYPE)), "is not a plain file"),
    "an extended header": (lambda: after_an_export(member("x", 10, type=tarfile.XHDTYPE)), "is not a plain file"),
    "a negative size": (
        lambda: after_an_export(member("facts/checkpoint").replace(b"00000000000\0", b"-0000000001\0", 1)),
        "header of the archive is damaged",
    ),
    "half a member": (lambda: after_an_export(member("facts/checkpoint", 1000), b"x"), "ends early"),
    "half a file": (lambda: after_an_export()[:-20], "ends early"),
    "nothing": (lambda: b"", "ends early"),
    "many keys and signatures": (
        many_keys_and_signatures,
        "the keys of facts in the manifest are not those that the facts install",
    ),
    "escape sequences": (lambda: after_an_export(member("facts/\x1b[2J")), "is not a plain file"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_it_ends_with_a_sentence(tmp_path: Path, kind: str) -> None:
    made, sentence = HOSTILE[kind]
    path, empty = tmp_path / "export.tar.gz", tmp_path / "empty"
    path.write_bytes(made())
    empty.mkdir()

    done = subprocess.run(
        [sys.executable, "-m", "sagecert_verify", str(path), "--processes", "1"],
        cwd=empty,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX)),
    )

    assert (done.returncode, done.stderr) == (2, ""), done.stderr
    first, second, *_ = done.stdout.splitlines()
    assert first == "2: the file is damaged"
    assert sentence in f"{first} {second}"
    assert "\x1b" not in done.stdout
    assert not list(empty.iterdir())
