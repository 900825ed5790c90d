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
    """Takes each entry and then its proof, in the order of positions. `system`: the facts about the system.

    It keeps nothing of an entry that is proved, so that memory does not grow.
    """

    def __init__(self, partner_id: str, logs: Mapping[str, SealedLog]) -> None:
        self.partner_id = partner_id
        self.proved: dict[str, int] = {}
        self.system = SystemFacts()
        self._logs = logs
        self._entry: tuple[str, int, bytes] | None = None
        self._last: dict[str, int] = {}
        self._first_wrong: Finding | None = None
        self._is_named = False

    def take(self, log: str, part: str, rest: str, content: bytes) -> None:
        """Raises `DamagedError`."""
        name = rest.removesuffix(".tlog-proof") if part == "proofs" else rest
        if part not in ("entries", "proofs") or not POSITION.fullmatch(name):
            raise DamagedError(f"the member {log}/{part}/{rest[:50]} belongs to no export of a partner")
        position = int(name)
        if part == "entries":
            self._require_no_entry()
            if position <= self._last.get(log, 0):
                raise DamagedError(f"the member {log}/{part}/{rest} is not where it should be")
            self._entry = log, position, content
            self._last[log] = position
            return
        if self._entry is None or self._entry[:2] != (log, position):
            self._require_no_entry()
            raise DamagedError(f"position {position} of {log} lacks its entry")
        entry, self._entry = self._entry[2], None
        sentence = self._fault(log, position, entry, self._read_proof(log, position, content))
        if sentence is None:
            self.proved[log] = self.proved.get(log, 0) + 1
        elif self._first_wrong is None or position < (self._first_wrong.position or 0):
            self._first_wrong = Finding(Status.ALTERED, sentence, log, position)

    def conclude(self) -> None:
        """Raises `FoundError` with the first entry that is not proved, and `DamagedError`."""
        self._require_no_entry()
        if self._first_wrong is not None:
            raise FoundError(self._first_wrong)

    def limits(self) -> list[str]:
        """What such an export cannot prove."""
        unnamed = () if self._is_named else ("No fact in it names the partner: its id may be written otherwise.",)
        return [
            *unnamed,
            "The export of a partner proves that what it contains is in the sealed logs, each entry as it is.",
            "It cannot prove that nothing is left out, nor derive the events again: that takes a full export.",
            "Your earlier checkpoint can be compared with a full export only.",
        ]

    def _require_no_entry(self) -> None:
        if self._entry is not None:
            log, position, _ = self._entry
            raise DamagedError(f"position {position} of {log} lacks its proof")

    def _read_proof(self, log: str, position: int, content: bytes) -> Proof:
        """A proof by the checkpoint of the export. Raises `DamagedError`."""
        try:
            proof = Proof.read(content.decode("utf-8"))
            stated = proof.note.checkpoint
        except (MalformedNoteError, UnicodeDecodeError) as problem:
            raise DamagedError(f"the proof of position {position} of {log}: {problem}") from None
        if stated == self._logs[log].checkpoint and proof.note != self._logs[log].note:
            raise DamagedError(f"the proof of position {position} of {log} has other signatures than the checkpoint")
        return proof

    def _fault(self, log: str, position: int, entry: bytes, proof: Proof) -> str | None:
        """What is wrong with the entry; None: it is proved."""
        checkpoint = self._logs[log].checkpoint
        if (
            proof.note.checkpoint != checkpoint
            or proof.place != position - 1
            or not is_included(leaf_hash(entry), proof.place, checkpoint.size, proof.hashes, checkpoint.root)
        ):
            return f"the entry at position {position} of {log} is not proved to be in the sealed log"
        try:
            row = read_row(entry, COLUMNS[log])
            said = row.columns[PLACES[log]]
            if said != position:
                raise WrongEntryError(f"it says that it is at {said}")
            if log == "facts":
                check_fact_bytes(row)
                self._is_named |= self.partner_id in (row.columns["partner_id"], row.columns["into_partner_id"])
                self.system.take(position, row.columns, row.body)
        except WrongEntryError as problem:
            return f"entry {position} of {log}: {problem}"
        return None
