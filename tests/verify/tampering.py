"""Random tamperings of an export, each refused with the first wrong position: `python -m tests.verify.tampering`.

A tampering changes what was sealed: a byte of an entry, two entries, a hash tile, a note or a proof. The notes stay
those that the log has signed. What is not sealed (when the export was made) is not tampered with. Where Go is there,
its libraries refuse each of them, too, at the same position.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from sagecert_verify.finding import Status
from sagecert_verify.trust import read_policy
from sagecert_verify.verification import tile_path, verify
from tests.temporary_directory import temporary_directory
from tests.verify.exports import LOGS, POLICY, WIDTH, Export, Members, claim_entries, export_of, write
from tests.verify.structure import MISSING, GoVerifier, go_verifier

KINDS: Final = ("flip", "swap", "drop", "double", "insert", "forge", "hash", "note", "kept", "proof")
SEEDS: Final = (3, 5, 43, 80)
HASH_BYTES: Final = 32
CLAIMS: Final = [
    {
        **dict.fromkeys(("policy_id", "engine", "actor"), "x"),
        "partner_id": "P1",
        "product": "S200P",
        "customer": "new",
        "allowed": False,
        "position": place,
        "at": f"2022-03-01T09:{place:02}:00.000000Z",
    }
    for place in range(1, 8)
]


class Tampering(NamedTuple):
    """What was done. `position`: the first that is wrong; None where no position is at fault.

    `is_text_kept`: only a line with a signature was changed. Where that has spare bits, Go reads the same signature.
    """

    what: str
    members: Members
    log: str
    position: int | None
    is_text_kept: bool = False


def tamperings(number: int, seed: int = 0) -> Iterator[Tampering]:
    """So many tamperings of a few exports."""
    random = Random(seed)
    exports = []
    for history in SEEDS:
        export = export_of(history)
        export.entries["claims"] = claim_entries(CLAIMS)
        export.kept = {log: sorted(random.sample(range(1, len(rows)), 3)) for log, rows in export.entries.items()}
        exports.append((export, export.members(), _partner_members(export, random)))
    while number:
        export, members, partner = random.choice(exports)
        kind = random.choice(KINDS)
        tampering = _proof(export, partner, random) if kind == "proof" else _tampered(kind, export, members, random)
        if tampering is not None:
            number -= 1
            yield tampering


def _partner_members(export: Export, random: Random) -> Members:
    positions = {log: sorted(random.sample(range(1, len(rows) + 1), 4)) for log, rows in export.entries.items()}
    return export.partner_members("P1", positions)


def _tampered(kind: str, export: Export, members: Mapping[str, bytes], random: Random) -> Tampering | None:
    log = random.choice(LOGS)
    entries = list(export.entries[log])
    position = random.randint(1, len(entries))
    if kind in ("note", "kept"):
        return _note(kind, log, members, random)
    if kind == "hash":
        tile = _tile(log, "tile/0", position, len(entries))
        flipped = _flipped(members[tile], random, HASH_BYTES * ((position - 1) % WIDTH), HASH_BYTES)
        return Tampering(f"hash {position} of {log}", {**members, tile: flipped}, log, position)
    _rearrange(kind, entries, position, random)
    if entries == export.entries[log]:
        return None
    first_wrong = next(
        place for place, rows in enumerate(zip(entries, export.entries[log], strict=True), 1) if rows[0] != rows[1]
    )
    changed = dict(members)
    for number, first in enumerate(range(0, len(entries), WIDTH)):
        bundle = entries[first : first + WIDTH]
        name = f"{log}/tile/entries/{tile_path(number, len(bundle))}"
        changed[name] = b"".join(len(row).to_bytes(2, "big") + row for row in bundle)
    return Tampering(f"{kind} {position} of {log}", changed, log, first_wrong)


def _rearrange(kind: str, entries: list[bytes], position: int, random: Random) -> None:
    """Changes the entries in place; their number stays."""
    size, entry = len(entries), entries[position - 1]
    if kind == "flip":
        entries[position - 1] = _flipped(entry, random, 0, len(entry))
    elif kind == "forge":
        entries[position - 1] = entry.replace(b"2022", b"2021", 1) if b"2022" in entry else entry + b" "
    elif kind == "swap":
        other = random.randint(1, size)
        entries[position - 1], entries[other - 1] = entries[other - 1], entry
    elif kind == "drop":
        del entries[position - 1]
        entries.append(entry)
    else:
        entries.insert(position - 1, entry if kind == "double" else random.choice(entries))
        del entries[size:]


def _note(kind: str, log: str, members: Mapping[str, bytes], random: Random) -> Tampering:
    """A byte of a signed note: of the checkpoint, or of one that was kept."""
    name = f"{log}/checkpoint" if kind == "note" else f"{log}/checkpoints/000.jsonl"
    content = members[name]
    if kind == "note":
        flipped = _flipped(content, random, 0, len(content))
        kept = _text(flipped) == _text(content)
        return Tampering(f"the checkpoint of {log}", {**members, name: flipped}, log, None, kept)
    lines = content.splitlines(keepends=True)
    place = random.randrange(len(lines))
    kept = json.loads(lines[place])
    note = kept["note"].encode()
    flipped = _flipped(note, random, 0, note.rindex(b"\n"))
    kept["note"] = flipped.decode("utf-8", "surrogateescape")
    lines[place] = json.dumps(kept).encode() + b"\n"
    changed = {**members, name: b"".join(lines)}
    return Tampering(f"a kept checkpoint of {log}", changed, log, None, _text(flipped) == _text(note))


def _text(note: bytes) -> bytes:
    """What is signed."""
    return note.partition(b"\n\n")[0]


def _proof(export: Export, members: Mapping[str, bytes], random: Random) -> Tampering:
    """A byte of an entry of a partner's export, or of its proof."""
    log = random.choice(LOGS)
    name = random.choice([name for name in members if name.startswith((f"{log}/entries/", f"{log}/proofs/"))])
    content = members[name]
    position = int(Path(name).name.removesuffix(".tlog-proof"))
    end = content.index(b"\n\n") if name.endswith(".tlog-proof") else len(content)
    return Tampering(name, {**members, name: _flipped(content, random, 0, end)}, log, position)


def _flipped(content: bytes, random: Random, first: int, length: int) -> bytes:
    place = first + random.randrange(length)
    return content[:place] + bytes([content[place] ^ 1 << random.randrange(8)]) + content[place + 1 :]


def _tile(log: str, part: str, position: int, size: int) -> str:
    number = (position - 1) // WIDTH
    return f"{log}/{part}/{tile_path(number, min(WIDTH, size - number * WIDTH))}"


def accepted(tampering: Tampering, path: Path, go: GoVerifier | None) -> str | None:
    """Why the verifier, or Go's, did not refuse it as it should; None: they did."""
    report = verify(write(path, tampering.members), read_policy(POLICY), [], 1, lambda *_: None)
    if go is not None:
        refusal = go.refusal(path)
        if refusal is None and not tampering.is_text_kept:
            return f"{tampering.what}: Go accepts it"
        if tampering.position is not None and (refusal and refusal[:2]) != (tampering.log, tampering.position):
            return f"{tampering.what}: Go says {refusal}"
    finding = report.finding
    if finding is None or report.status not in (Status.DAMAGED, Status.ALTERED):
        return f"{tampering.what}: {report.status.name}"
    named = (finding.log, finding.position)
    if (
        report.status == Status.ALTERED
        and tampering.position is not None
        and named != (tampering.log, tampering.position)
    ):
        return f"{tampering.what}: named position {finding.position} of {finding.log}: {finding.sentence}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--number", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    done = 0
    with temporary_directory("sagecert-tamperings-") as directory, go_verifier() as go:
        for tampering in tamperings(options.number, options.seed):
            problem = accepted(tampering, directory / "export.tar.gz", go)
            if problem is not None:
                print(problem)
                return 1
            done += 1
    by = "our verifier and by Go's" if go is not None else f"our verifier ({MISSING})"
    print(f"{done} tamperings of seed {options.seed}, each refused with the first wrong position by {by}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
