"""Writes audit exports of random histories, as the format is documented, with keys and witnesses of the tests."""

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sagecert_verify.merkle import leaf_hash, root_of
from sagecert_verify.note import COSIGNATURE, ED25519, Key
from sagecert_verify.verification import tile_path
from services.certification.event_store.append_request import Routing
from services.certification.event_store.streams import routing_of
from shared.events import wire
from shared.events.envelope import Fact
from shared.events.facts import AttemptScored, ExamRegistered, FactVoided, ScoreCorrected
from tests.oracle.histories import PRODUCTS, seeded
from tests.oracle.rules.knowledge import partners_mentioned
from tests.policy.comparison import steps_of
from tests.policy.fact_log import Group, everything, recorded

LOGS = ("facts", "compliance", "claims")
TIMERS = timedelta(days=100)
WIDTH = 256
Members = dict[str, bytes]


class Signer:
    """A log or a witness, with a key made from its name."""

    def __init__(self, name: str, kind: int = ED25519, seed: str = "", seconds: int = 1_700_000_000) -> None:
        self._seconds = seconds
        self._private = Ed25519PrivateKey.from_private_bytes(sha256((seed or name).encode()).digest())
        self.key = Key(name, kind, self._private.public_key().public_bytes_raw())

    @property
    def private(self) -> Ed25519PrivateKey:
        """The private key."""
        return self._private

    @property
    def text(self) -> str:
        """The key as a policy names it."""
        encoded = base64.b64encode(bytes([self.key.kind]) + self.key.public).decode()
        return f"{self.key.name}+{self.key.number.hex()}+{encoded}"

    def line(self, text: str) -> str:
        """The signature line of a note's text."""
        signature = self._private.sign(text.encode())
        if self.key.kind == COSIGNATURE:
            cosigned = f"cosignature/v1\ntime {self._seconds}\n{text}"
            signature = self._seconds.to_bytes(8, "big") + self._private.sign(cosigned.encode())
        return f"— {self.key.name} {base64.b64encode(self.key.number + signature).decode()}\n"


KEY = "sagecert.test/facts"
"""One key signs all logs of a system."""
FACTS_LOG, COMPLIANCE_LOG, CLAIMS_LOG = (Signer(f"sagecert.test/{log}", seed=KEY) for log in LOGS)
WITNESS, OTHER_WITNESS = Signer("witness.test", COSIGNATURE), Signer("other.test", COSIGNATURE)
STREAMS = {"policy_facts": "policy", "engine_facts": "engine", "key_facts": "signing_key"}
SIGNERS = {"facts": FACTS_LOG, "compliance": COMPLIANCE_LOG, "claims": CLAIMS_LOG}
POLICY = (
    f"log {FACTS_LOG.text}\nlog {COMPLIANCE_LOG.text}\n"
    f"witness one {WITNESS.text}\nwitness two {OTHER_WITNESS.text}\ngroup both all one two\nquorum both\n"
)
POLICY_WITHOUT_WITNESSES = f"log {FACTS_LOG.text}\nlog {COMPLIANCE_LOG.text}\nquorum none\n"


def note(signers: Sequence[Signer], size: int, root: bytes) -> str:
    """A checkpoint, signed."""
    text = f"{signers[0].key.name}\n{size}\n{base64.b64encode(root).decode()}\n"
    return f"{text}\n" + "".join(signer.line(text) for signer in signers)


def written(columns: Mapping[str, Any], body: bytes) -> bytes:
    """An entry of a sealed log."""
    return json.dumps(columns, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n" + body


def stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def fact_entries(facts: Sequence[Fact]) -> Iterator[bytes]:
    """The rows of the log of facts, routed as certification routes."""
    routings: dict[str, Routing] = {}
    consultants: dict[str, str] = {}
    versions: dict[str, int] = {}
    for fact in facts:
        data, voided, consultant = fact.data, None, None
        if isinstance(data, ExamRegistered):
            consultants[data.registration_id] = data.consultant_id
        if isinstance(data, AttemptScored | ScoreCorrected):
            consultant = consultants.get(data.registration_id)
        if isinstance(data, FactVoided):
            voided = routings[data.fact_id]
        routing = routings[fact.fact_id] = routing_of(data, consultant, voided)
        topic, state = wire.encode(fact)
        version = versions[routing.originator_id] = versions.get(routing.originator_id, 0) + 1
        columns = {
            "actor": "api" if fact.causation_id is None else None,
            "append_position": fact.append_position,
            "consultant_id": routing.consultant_id,
            "content_hash": None,
            "effective_at": stamp(fact.effective_at),
            "fact_id": fact.fact_id,
            "held": None,
            "idempotency_key": fact.fact_id if fact.causation_id is None else None,
            "into_partner_id": routing.into_partner_id,
            "notification_id": fact.position,
            "originator_id": routing.originator_id,
            "originator_version": version,
            "partner_id": routing.partner_id,
            "recorded_at": stamp(fact.recorded_at),
            "topic": topic,
            "voided_fact_id": data.fact_id if isinstance(data, FactVoided) else None,
        }
        yield written(columns, state)


def event_entries(groups: Sequence[Group], partners: Sequence[str], until: datetime) -> Iterator[bytes]:
    """The rows of the log of compliance events, in its order."""
    steps = [step for partner in partners for step in steps_of(groups, partner, until)]
    steps.sort(key=lambda step: (step.instant, step.position, step.partner_id))
    published = [(step.position, event) for step in steps for event in step.events]
    for position, (fact_position, event) in enumerate(published, start=1):
        columns = {
            "about": event.about,
            "effective_at": stamp(event.effective_at),
            "event_id": event.event_id,
            "fact_position": fact_position,
            "partner_id": event.partner_id,
            "position": position,
            "products": list(event.products),
            "recorded_at": stamp(event.recorded_at),
            "type": event.type,
        }
        yield written(columns, event.data)


def claim_entries(claims: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """The rows of the log of claims."""
    recorded_at = "2022-12-31T00:00:00.000000Z"
    return [
        written({"recorded_at": recorded_at, **claim, "number": number}, b"") for number, claim in enumerate(claims, 1)
    ]


@dataclass
class Export:
    """What an export is written from. Change what is to be wrong, then `write`. `keys`: where one replaced another."""

    entries: dict[str, list[bytes]]
    kept: dict[str, list[int]] = field(default_factory=dict)
    signers: Mapping[str, Sequence[Signer]] = field(default_factory=lambda: {log: [SIGNERS[log]] for log in LOGS})
    keys: Mapping[str, Sequence[Signer]] = field(default_factory=dict)
    products: Sequence[str] = PRODUCTS

    def __post_init__(self) -> None:
        self.entries = {"claims": [], **self.entries}

    def note(self, log: str, size: int | None = None) -> str:
        """The checkpoint of the log when it had this size."""
        entries = self.entries[log] if size is None else self.entries[log][:size]
        return note(self.signers[log], len(entries), root_of(map(leaf_hash, entries)))

    def members(self) -> Members:
        """The members of a full export, in their order."""
        members = {"manifest.json": self._manifest(None)}
        for log in LOGS:
            entries = self.entries[log]
            members[f"{log}/checkpoint"] = self.note(log).encode()
            kept = [{"size": size, "note": self.note(log, size)} for size in self.kept.get(log, ())]
            if kept:
                members[f"{log}/checkpoints/000.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row in kept)
            for part, form in (("tile/0", leaf_hash), ("tile/entries", _bundled)):
                for number, first in enumerate(range(0, len(entries), WIDTH)):
                    tile = entries[first : first + WIDTH]
                    members[f"{log}/{part}/{tile_path(number, len(tile))}"] = b"".join(map(form, tile))
        return members

    def partner_members(self, partner_id: str, positions: Mapping[str, Sequence[int]]) -> Members:
        """The members of an export of one partner; what is about the system itself is always among them."""
        about_the_system = (self._positions(stream) for stream in STREAMS.values())
        positions = {**positions, "facts": sorted({*positions["facts"]}.union(*about_the_system))}
        members = {"manifest.json": self._manifest(partner_id)}
        for log in LOGS:
            members[f"{log}/checkpoint"] = self.note(log).encode()
            for position in positions.get(log, ()):
                members[f"{log}/entries/{position}"] = self.entries[log][position - 1]
                proof = inclusion([leaf_hash(entry) for entry in self.entries[log]], position - 1)
                lines = "".join(base64.b64encode(found).decode() + "\n" for found in proof)
                text = f"c2sp.org/tlog-proof@v1\nindex {position - 1}\n{lines}\n{self.note(log)}"
                members[f"{log}/proofs/{position}.tlog-proof"] = text.encode()
        return members

    def _positions(self, stream: str) -> list[int]:
        named = f'"originator_id":"{stream}-'.encode()
        return [place for place, entry in enumerate(self.entries["facts"], 1) if named in entry.partition(b"\n")[0]]

    def _manifest(self, partner_id: str | None) -> bytes:
        logs = {}
        for log in LOGS:
            root = root_of(map(leaf_hash, self.entries[log]))
            logs[log] = {
                "origin": self.signers[log][0].key.name,
                "size": len(self.entries[log]),
                "root": base64.b64encode(root).decode(),
                "keys": [signer.text for signer in self.keys.get(log, self.signers[log][:1])],
            }
        manifest = {
            "format": "sagecert-audit-export/2",
            "made_at": "2022-12-31T00:00:00Z",
            "partner_id": partner_id,
            "products": list(self.products),
            "logs": logs,
            **{name: self._positions(stream) for name, stream in STREAMS.items()},
            "unproved": [],
        }
        return json.dumps(manifest).encode()


def export_of(seed: int) -> Export:
    """The export of a random history, as the system has recorded and published it."""
    history = seeded(seed)
    groups = recorded(history)
    until = history[-1].recorded_at + TIMERS
    facts = list(fact_entries(everything(groups)))
    return Export(
        {"facts": facts, "compliance": list(event_entries(groups, sorted(partners_mentioned(history)), until))}
    )


def write(path: Path, members: Mapping[str, bytes]) -> Path:
    """The file of these members."""
    with gzip.open(path, "wb", compresslevel=1) as compressed:
        compressed.write(archive(members))
    return path


def archive(members: Mapping[str, bytes]) -> bytes:
    """The uncompressed archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def inclusion(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """The inclusion proof of a leaf, by the definition of RFC 6962."""
    if len(leaves) <= 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if place < split:
        return [*inclusion(leaves[:split], place), root_of(leaves[split:])]
    return [*inclusion(leaves[split:], place - split), root_of(leaves[:split])]


def _bundled(entry: bytes) -> bytes:
    return len(entry).to_bytes(2, "big") + entry


def changed(export: Export, log: str, position: int, entry: bytes | None) -> Export:
    """With another entry at the position, or without it; hashes and signatures are made from that."""
    entries = {name: list(rows) for name, rows in export.entries.items()}
    entries[log][position - 1 : position] = [] if entry is None else [entry]
    return replace(export, entries=entries)


def edited(entry: bytes, **columns: Any) -> bytes:
    line, _, body = entry.partition(b"\n")
    edited_line = json.dumps(json.loads(line) | columns, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return edited_line.encode() + b"\n" + body
