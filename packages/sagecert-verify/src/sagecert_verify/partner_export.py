"""The export of one partner: single entries, each with a proof that it is in the sealed log."""

import re
from collections.abc import Mapping
from typing import Final

from sagecert_verify.archive import DamagedError
from sagecert_verify.engines_and_rotations import SystemFacts
from sagecert_verify.finding import Finding, FoundError, Status
from sagecert_verify.merkle import is_included, leaf_hash
from sagecert_verify.note import MalformedNoteError, Proof
from sagecert_verify.rows import CLAIM_COLUMNS, EVENT_COLUMNS, FACT_COLUMNS, WrongEntryError, check_fact_bytes, read_row
from sagecert_verify.sealed_log import SealedLog

COLUMNS: Final = {"facts": FACT_COLUMNS, "compliance": EVENT_COLUMNS, "claims": CLAIM_COLUMNS}
PLACES: Final = {"facts": "notification_id", "compliance": "position", "claims": "number"}
"""The column that holds the position of an entry, by log."""
POSITION: Final = re.compile(r"[1-9][0-9]{0,15}")


class PartnerExport:
    """Takes entries and proofs in any order; each entry needs its proof. `system`: the facts about the system."""

    def __init__(self, partner_id: str, logs: Mapping[str, SealedLog]) -> None:
        self.partner_id = partner_id
        self.proved: dict[str, int] = {}
        self.system = SystemFacts()
        self._logs = logs
        self._entries: dict[tuple[str, int], bytes] = {}
        self._proofs: dict[tuple[str, int], Proof] = {}

    def take(self, log: str, part: str, rest: str, content: bytes) -> None:
        """Raises `DamagedError`."""
        name = rest.removesuffix(".tlog-proof") if part == "proofs" else rest
        if part not in ("entries", "proofs") or not POSITION.fullmatch(name):
            raise DamagedError(f"the member {log}/{part}/{rest[:50]} belongs to no export of a partner")
        place = log, int(name)
        if part == "entries":
            self._entries[place] = content
            return
        try:
            self._proofs[place] = Proof.read(content.decode("utf-8"))
        except (MalformedNoteError, UnicodeDecodeError) as problem:
            raise DamagedError(f"the proof of position {place[1]} of {log}: {problem}") from None

    def conclude(self) -> None:
        """Raises `FoundError` with the first entry that is not proved, and `DamagedError`."""
        for log, position in sorted(self._entries.keys() | self._proofs.keys(), key=lambda place: (place[1], place[0])):
            entry, proof = self._entries.get((log, position)), self._proofs.get((log, position))
            if entry is None or proof is None:
                raise DamagedError(f"position {position} of {log} lacks its {'entry' if entry is None else 'proof'}")
            self._check(log, position, entry, proof)
            self.proved[log] = self.proved.get(log, 0) + 1

    def limits(self) -> list[str]:
        """What such an export cannot prove."""
        return [
            "The export of a partner proves that what it contains is in the sealed logs, each entry as it is.",
            "It cannot prove that nothing is left out, nor derive the events again: that takes a full export.",
            "Your earlier checkpoint can be compared with a full export only.",
        ]

    def _check(self, log: str, position: int, entry: bytes, proof: Proof) -> None:
        checkpoint = self._logs[log].checkpoint
        stated = proof.note.checkpoint
        is_same_log = (stated.origin, stated.size, stated.root) == (checkpoint.origin, checkpoint.size, checkpoint.root)
        leaf = leaf_hash(entry)
        if (
            not is_same_log
            or proof.place != position - 1
            or not is_included(leaf, proof.place, checkpoint.size, proof.hashes, checkpoint.root)
        ):
            raise FoundError(
                Finding(
                    Status.ALTERED,
                    f"the entry at position {position} of {log} is not proved to be in the sealed log",
                    log,
                    position,
                )
            )
        try:
            row = read_row(entry, COLUMNS[log])
            said = row.columns[PLACES[log]]
            if said != position:
                raise WrongEntryError(f"it says that it is at {said}")
            if log == "facts":
                check_fact_bytes(row)
                self.system.take(position, row.columns, row.body)
        except WrongEntryError as problem:
            sentence = f"entry {position} of {log}: {problem}"
            raise FoundError(Finding(Status.ALTERED, sentence, log, position)) from None
