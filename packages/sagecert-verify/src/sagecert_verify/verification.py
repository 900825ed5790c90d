"""A verification from the file to the verdict: integrity first, then trust, then the derivation."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from sagecert_verify.archive import DamagedError, Member, members
from sagecert_verify.claims import Claim, read_claims
from sagecert_verify.ledger import EventLedger, FactLedger
from sagecert_verify.note import Checkpoint, Key, MalformedNoteError
from sagecert_verify.partner_export import PartnerExport
from sagecert_verify.rederive import Evidence, Result, rederive
from sagecert_verify.sealed_log import SealedLog
from sagecert_verify.trust import Trust
from sagecert_verify.verdict import Finding, FoundError, Status

FORMAT: Final = "sagecert-audit-export/1"
LOGS: Final = ("facts", "compliance")
MANIFEST_BYTES_MAX: Final = 1 << 20
ORDER: Final = {"checkpoint": 0, "checkpoints": 1, "tile/0": 2, "tile/entries": 3, "entries": 3, "proofs": 3}
NAME: Final = re.compile(r"(facts|compliance)/(checkpoint|checkpoints|tile/0|tile/entries|entries|proofs)(?:/(.+))?")
PRODUCTS: Final = ("S200P", "S200S")
PRODUCTS_MAX: Final = 10


class Report(NamedTuple):
    """What was found, and what was looked at. `sizes`: entries by log."""

    finding: Finding | None
    status: Status
    partner_id: str | None
    sizes: dict[str, int]
    checked: Result
    notes: tuple[str, ...]


Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and of how much; 0: not known."""


class Export:
    """Takes the members of an export in their order, and knows at the end whether they are what was sealed."""

    def __init__(self, trust: Trust | None, earlier: Sequence[Checkpoint]) -> None:
        self.trust = trust
        self.facts = FactLedger()
        self.events = EventLedger()
        self.claims: dict[str, list[Claim]] = {}
        self.manifest: dict[str, Any] = {}
        self.logs: dict[str, SealedLog] = {}
        self.partner: PartnerExport | None = None
        self._earlier = {checkpoint.origin: checkpoint for checkpoint in earlier}
        self._log: str | None = None
        self._stage = -1
        self._expected: dict[tuple[str, str], int] = {}

    def take(self, member: Member) -> None:
        """Raises `DamagedError` and `FoundError`."""
        if not self.manifest:
            self._take_manifest(member)
            return
        match = NAME.fullmatch(member.name)
        if match is not None:
            self._take_of_log(match[1], match[2], match[3], member)
        elif re.fullmatch(r"claims/[0-9]{3,}\.jsonl", member.name):
            for claim in read_claims(member.content):
                self.claims.setdefault(claim.partner_id, []).append(claim)
        elif not re.fullmatch(r"erasures/[0-9]{3,}\.jsonl", member.name):
            raise DamagedError(f"the member {member.name[:100]} belongs to no export")

    def close(self) -> None:
        """Nothing of the export is needed any more."""
        self.facts.spool.close()
        self.events.spool.close()

    def conclude(self) -> None:
        """All members were taken. Raises `FoundError` and `DamagedError`."""
        if not self.manifest:
            raise DamagedError("there is no manifest")
        for name in LOGS:
            if self.logs[name].note is None and (name == "facts" or self.manifest["logs"][name].get("size") != 0):
                raise DamagedError(f"there is no checkpoint of {name}")
        if self.partner is not None:
            self.partner.conclude()
            return
        for log in self.logs.values():
            if log.note is not None:
                log.conclude()
        self.facts.spool.flush()
        self.events.spool.flush()
        if self.events.last[1] > self.logs["facts"].checkpoint.size:
            raise FoundError(
                Finding(Status.ALTERED, "the compliance log goes by facts that the export lacks", "compliance")
            )

    def _take_manifest(self, member: Member) -> None:
        if member.name != "manifest.json" or len(member.content) > MANIFEST_BYTES_MAX:
            raise DamagedError("an export begins with its manifest")
        try:
            manifest = json.loads(member.content)
            keys = {name: [Key.read(key) for key in manifest["logs"][name]["keys"]] for name in LOGS}
            is_known = manifest["format"] == FORMAT
            partner_id = manifest["partner_id"]
            products = manifest.get("products", list(PRODUCTS))
            is_known &= 1 <= len(products) <= PRODUCTS_MAX and all(type(product) is str for product in products)
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as problem:
            why = f": {problem}" if isinstance(problem, MalformedNoteError) else ""
            raise DamagedError(f"the manifest is not that of an export{why}") from None
        if not is_known:
            raise DamagedError(f"the export has another format than {FORMAT}: take a newer verifier")
        self.manifest = manifest
        trusted = self.trust.logs if self.trust is not None and self.trust.logs else None
        take = {"facts": self.facts.take, "compliance": self.events.take}
        for name in LOGS:
            of_log = list(trusted if trusted is not None else keys[name])
            origin = keys[name][0].name if keys[name] else ""
            self.logs[name] = SealedLog(name, of_log, self._earlier.get(origin), take[name])
        if partner_id is not None:
            self.partner = PartnerExport(str(partner_id), self.logs)

    def _take_of_log(self, name: str, part: str, rest: str | None, member: Member) -> None:
        log, stage = self.logs[name], LOGS.index(name) * len(ORDER) + ORDER[part]
        if stage < self._stage:
            raise DamagedError(f"the member {member.name} is not where it should be")
        self._stage = stage
        if part != "checkpoint" and log.note is None:
            raise DamagedError(f"the checkpoint of {name} does not come first")
        if part == "checkpoint":
            log.take_checkpoint(member.content)
            self._compare_with_manifest(name, log.checkpoint)
        elif part == "checkpoints":
            log.take_checkpoints(member.content)
        elif self.partner is not None:
            self.partner.take(name, part, rest or "", member.content)
        else:
            self._expect(name, part, rest or "", log.checkpoint.size)
            (log.take_hashes if part == "tile/0" else log.take_bundle)(member.content)

    def _compare_with_manifest(self, name: str, checkpoint: Checkpoint) -> None:
        said = self.manifest["logs"][name]
        root = base64.b64encode(checkpoint.root).decode()
        if (said.get("origin"), said.get("size"), said.get("root")) != (checkpoint.origin, checkpoint.size, root):
            raise DamagedError(f"the manifest and the checkpoint of {name} say different things")

    def _expect(self, name: str, part: str, rest: str, size: int) -> None:
        """Tiles come in their order, and none is left out."""
        number = self._expected.get((name, part), 0)
        self._expected[name, part] = number + 1
        width = min(256, size - 256 * number)
        if width < 1 or rest != tile_path(number, width):
            raise DamagedError(f"after {number} tiles of {name}/{part} comes {rest[:50]}")


def tile_path(number: int, width: int) -> str:
    """The end of the path of a tile (C2SP tlog-tiles)."""
    groups = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03}")
    return "/".join(groups) + ("" if width == 256 else f".p/{width}")


def verify(
    path: Path, trust: Trust | None, earlier: Sequence[Checkpoint], processes: int, on_progress: Progress
) -> Report:
    """Everything that the file can be asked. Never raises for what the file contains."""
    export = Export(trust, earlier)
    checked = Result()
    finding: Finding | None = None
    try:
        for number, member in enumerate(members(path), start=1):
            export.take(member)
            on_progress("reading", number, 0)
        export.conclude()
        if export.partner is None:
            products = export.manifest.get("products", list(PRODUCTS))
            evidence = Evidence(export.facts, export.events, export.claims, products)
            checked = rederive(evidence, processes, lambda done, total: on_progress("deriving", done, total))
            finding = checked.finding
    except DamagedError as problem:
        finding = Finding(Status.DAMAGED, str(problem))
    except FoundError as problem:
        finding = problem.finding
    finally:
        export.close()
    status = finding.status if finding is not None else _trusted(export, earlier)
    sizes = {name: log.checkpoint.size for name, log in export.logs.items()}
    partner_id = export.partner.partner_id if export.partner is not None else None
    return Report(finding, status, partner_id, sizes, checked, tuple(_notes(export, earlier, checked, finding)))


def _trusted(export: Export, earlier: Sequence[Checkpoint]) -> Status:
    """Who else has seen the log as it is in the file."""
    if export.trust is not None and export.trust.asks_for_witnesses:
        witnesses = export.trust.witnesses.values()
        notes = [log.note for log in export.logs.values() if log.note is not None]
        if all(export.trust.is_witnessed(note.signed_by(witnesses)) for note in notes):
            return Status.WITNESSED
        return Status.SPLIT_VIEW_POSSIBLE
    compared = {checkpoint.origin for checkpoint in earlier}
    if compared & {log.checkpoint.origin for log in export.logs.values()} and export.partner is None:
        return Status.NOT_WITNESSED
    return Status.NO_EARLIER_CHECKPOINT


def _notes(export: Export, earlier: Sequence[Checkpoint], checked: Result, finding: Finding | None) -> list[str]:
    """What the verdict does not say."""
    if finding is not None and finding.status == Status.DAMAGED:
        return []
    notes = []
    if export.trust is None or not export.trust.logs:
        notes.append("The keys of the logs are those that the file names: name yours with --policy.")
    origins = {log.checkpoint.origin for log in export.logs.values()}
    notes += [
        f"Your checkpoint of {checkpoint.origin} is of another log, and was compared with nothing."
        for checkpoint in earlier
        if checkpoint.origin not in origins
    ]
    if checked.unpublished:
        notes.append(
            f"{checked.unpublished} further events follow from the facts and are not in the compliance log yet."
        )
    if export.partner is not None:
        notes += export.partner.limits()
    return notes
