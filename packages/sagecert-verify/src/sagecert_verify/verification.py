"""A verification from the file to the verdict: integrity first, then trust, then the derivation."""

import base64
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from sagecert_verify.archive import DamagedError, Member, lines_of, members
from sagecert_verify.checked_export import CheckedExport, Result
from sagecert_verify.claims import IndexedClaimLog
from sagecert_verify.engines_and_rotations import PRODUCTS_MAX, SystemFacts
from sagecert_verify.finding import Finding, FoundError, Status
from sagecert_verify.indexed_events import IndexedEventLog
from sagecert_verify.indexed_facts import IndexedFactLog
from sagecert_verify.note import Checkpoint, Key, MalformedNoteError, Note
from sagecert_verify.partner_export import PartnerExport
from sagecert_verify.rederive import rederive
from sagecert_verify.sealed_log import SealedLog
from sagecert_verify.signing_keys import check_kept_note, check_signing_keys
from sagecert_verify.trust import Trust
from sagecert_verify.witnessed_stamps import doubts

FORMAT: Final = "sagecert-audit-export/2"
LOGS: Final = ("facts", "compliance", "claims")
MANIFEST_BYTES_MAX: Final = 1 << 20
ORDER: Final = {"checkpoint": 0, "checkpoints": 1, "tile/0": 2, "tile/entries": 3, "entries": 3, "proofs": 3}
NAME: Final = re.compile(f"({'|'.join(LOGS)})/({'|'.join(ORDER)})(?:/(.+))?")
PRODUCTS: Final = ("S200P", "S200S")


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

    def __init__(self, trust: Trust | None, earlier: Sequence[Note]) -> None:
        self.trust = trust
        self.facts = IndexedFactLog()
        self.events = IndexedEventLog(self.facts.system)
        self.claims = IndexedClaimLog()
        self.manifest: dict[str, Any] = {}
        self.logs: dict[str, SealedLog] = {}
        self.partner: PartnerExport | None = None
        self.doubts: list[str] = []
        self._earlier = {note.checkpoint.origin: note for note in earlier}
        self.unsigned: list[Note] = []
        self._named_keys: dict[str, list[Key]] = {}
        self._erases_unknown = False
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
        elif re.fullmatch(r"erasures/[0-9]{3,}\.jsonl", member.name):
            self._expect_after_the_logs(member)
            self._erases_unknown |= not all(map(self.facts.has, read_erasures(member.content)))
        else:
            raise DamagedError(f"the member {member.name[:100]} belongs to no export")

    def close(self) -> None:
        """Nothing of the export is needed any more."""
        self.facts.spool.close()
        self.events.spool.close()
        self.claims.spool.close()

    def conclude(self) -> None:
        """All members were taken. Raises `FoundError` and `DamagedError`."""
        if not self.manifest:
            raise DamagedError("there is no manifest")
        self._conclude()
        for note in self.unsigned:
            check_kept_note(note, self._named_keys.values(), is_trusted=self._trusted is not None)

    def _conclude(self) -> None:
        for name in LOGS:
            if self.logs[name].note is None:
                if name == "facts" or self.manifest["logs"][name].get("size") != 0:
                    raise DamagedError(f"there is no checkpoint of {name}")
                self.logs[name].conclude_empty()
        if self.partner is not None:
            self.partner.conclude()
            self._check_against_facts(self.partner.system)
            return
        for log in self.logs.values():
            if log.note is not None:
                log.conclude()
        self._check_against_facts(self.facts.system)
        self._check_what_is_not_sealed()
        self.facts.spool.flush()
        self.events.spool.flush()
        self.claims.spool.flush()
        with suppress(ValueError):  # a stamp is no instant: the derivation reports it
            self.doubts = list(doubts(self.logs["facts"].seen, self.facts))
        if self.events.last[1] > self.logs["facts"].checkpoint.size:
            raise FoundError(
                Finding(Status.ALTERED, "the compliance log depends on facts that the export lacks", "compliance")
            )

    @property
    def _trusted(self) -> Sequence[Key] | None:
        """The keys of logs that the auditor names; None: those that the manifest names."""
        return self.trust.logs if self.trust is not None and self.trust.logs else None

    @property
    def origins(self) -> set[str]:
        """The names of the logs."""
        return {keys[0].name for keys in self._named_keys.values()}

    def products(self) -> list[str]:
        """What is sold: as the last engine says, which the manifest repeats."""
        engines = self.facts.system.engines
        named: list[str] = self.manifest.get("products", list(PRODUCTS))
        return list(engines[-1].products) if engines else named

    def _check_against_facts(self, system: SystemFacts) -> None:
        """The manifest is not sealed: what it says of the facts must be what they say."""
        check_signing_keys(self.logs, self._named_keys, self._trusted, system)
        for name, positions in system.positions.items():
            if self.manifest.get(name) != positions:
                raise DamagedError(f"the {name.replace('_', ' ')} in the manifest are not those in the log")
        if system.engines and self.manifest.get("products") != list(system.engines[-1].products):
            raise DamagedError("the products in the manifest are not those of the last engine in the facts")

    def _check_what_is_not_sealed(self) -> None:
        size = self.logs["facts"].checkpoint.size
        if self.claims.last_position > size:
            raise DamagedError("a claim depends on facts that the export lacks")
        if self._erases_unknown:
            raise DamagedError("the erasures name a fact that the export lacks")

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
            raise DamagedError(f"the format of the export is not {FORMAT}: use the verifier of its version")
        names = {key.name for name in LOGS for key in keys[name]}
        if len({name.rpartition("/")[0] for name in names}) != 1 or {name.rpartition("/")[2] for name in names} != {
            *LOGS
        }:
            raise DamagedError("the keys in the manifest are not those of the three logs of one system")
        self.manifest, self._named_keys = manifest, keys
        witnesses = self.trust.witnesses.values() if self.trust is not None else ()
        take = {"facts": self.facts.take, "compliance": self.events.take, "claims": self.claims.take}
        for name in LOGS:
            of_log = [*keys[name], *(self._trusted or ())]
            earlier = self._signed_earlier(keys[name][0].name, of_log)
            self.logs[name] = SealedLog(name, of_log, earlier, take[name], witnesses)
        if partner_id is not None:
            self.partner = PartnerExport(str(partner_id), self.logs)

    def _signed_earlier(self, origin: str, keys: Sequence[Key]) -> Checkpoint | None:
        """What the auditor kept of a log, if one of these keys signed it: anything else proves nothing."""
        note = self._earlier.get(origin)
        if note is None:
            return None
        if not any(key.name == origin for key in note.signed_by(keys)):
            self.unsigned.append(note)
            return None
        return note.checkpoint

    def _take_of_log(self, name: str, part: str, rest: str | None, member: Member) -> None:
        log, stage = self.logs[name], LOGS.index(name) * len(ORDER) + ORDER[part]
        if stage < self._stage:
            raise DamagedError(f"the member {member.name} is not where it should be")
        self._stage = stage
        if part != "checkpoint" and log.note is None:
            raise DamagedError(f"the checkpoint of {name} does not come first")
        if part == "checkpoint":
            if log.note is not None:
                raise DamagedError(f"the checkpoint of {name} is there twice")
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

    def _expect_after_the_logs(self, member: Member) -> None:
        if self.logs["facts"].note is None:
            raise DamagedError(f"the member {member.name} is not where it should be")

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


def read_erasures(content: bytes) -> list[str]:
    """The facts whose free text was erased, a line of JSON each. Raises `DamagedError`."""
    try:
        erased = [json.loads(line)["fact_id"] for line in lines_of(content)]
    except (ValueError, RecursionError, KeyError, TypeError):
        erased = [None]
    if not all(isinstance(fact_id, str) for fact_id in erased):
        raise DamagedError("a line of the erasures names no fact")
    return erased


def verify(path: Path, trust: Trust | None, earlier: Sequence[Note], processes: int, on_progress: Progress) -> Report:
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
            take_overs = export.events.take_overs()
            contents = CheckedExport(export.facts, export.events, export.claims, export.products(), take_overs)
            checked = rederive(contents, processes, lambda done, total: on_progress("deriving", done, total))
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


def _trusted(export: Export, earlier: Sequence[Note]) -> Status:
    """Who else has seen the log as it is in the file."""
    if export.trust is not None and export.trust.asks_for_witnesses:
        witnesses = export.trust.witnesses.values()
        notes = [log.note for log in export.logs.values() if log.note is not None]
        if all(export.trust.is_witnessed(note.signed_by(witnesses)) for note in notes):
            return Status.WITNESSED
        return Status.SPLIT_VIEW_POSSIBLE
    compared = {note.checkpoint.origin for note in earlier}
    if compared & {log.checkpoint.origin for log in export.logs.values()} and export.partner is None:
        return Status.NOT_WITNESSED
    return Status.NO_EARLIER_CHECKPOINT


def _notes(export: Export, earlier: Sequence[Note], checked: Result, finding: Finding | None) -> list[str]:
    """What the verdict does not say."""
    if finding is not None and finding.status == Status.DAMAGED:
        return []
    notes = []
    if export.trust is None or not export.trust.logs:
        notes.append("The keys of the logs are those that the file names: name yours with --policy.")
    notes += [
        f"Your checkpoint of {note.checkpoint.origin} is of another log, and was compared with nothing."
        for note in earlier
        if note.checkpoint.origin not in export.origins
    ]
    if finding is None or finding.status != Status.UNUSABLE:
        notes += [
            f"Your checkpoint of {note.checkpoint.origin} is not signed by a key of the log: compared with nothing."
            for note in export.unsigned
        ]
    if checked.unpublished:
        notes.append(
            f"{checked.unpublished} further events follow from the facts and are not in the compliance log yet."
        )
    notes += export.doubts
    notes += _of_engines(export, checked)
    if export.partner is not None:
        notes += export.partner.limits()
    return notes


def _of_engines(export: Export, checked: Result) -> list[str]:
    """Whose rules it went by, and what went by other rules than these."""
    engines = export.facts.system.engines
    notes = []
    if len(engines) > 1:
        said = ", ".join(
            f"{engine.engine_id} (version {engine.code_version}) from {engine.position}" for engine in engines
        )
        notes.append(f"Engines, by the position that installed each: {said}.")
    if checked.kept:
        notes.append(
            f"{checked.kept} compliance events were published by an engine that another replaced, and by other rules "
            f"than these: the first that does not follow is at position {checked.first_kept}. They stand as they were "
            "published; the next engine corrected them, and the corrections follow. Whether they went by the rules of "
            "their engine, only the verifier of its version can tell."
        )
    if checked.kept_claims:
        notes.append(f"{checked.kept_claims} claims of such engines do not follow by these rules either.")
    return notes
