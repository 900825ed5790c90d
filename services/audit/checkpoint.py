"""Checkpoints of a log (C2SP tlog-checkpoint) and proofs that stand alone (C2SP tlog-proof). Pure."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from services.audit.note import NoteError, decode_hash, encode_hashes

SIZE_MAX: Final = 2**53 - 1
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")


class Checkpoint(NamedTuple):
    """The head of a log: its size and its root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The body of its signed note."""
        return f"{self.origin}\n{self.size}\n{encode_hashes([self.root])}"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """The checkpoint of a note's text; ignores extension lines. Raises `NoteError`."""
        lines = text.split("\n")
        if len(lines) < 4 or not lines[0] or not all(lines[:-1]) or lines[-1]:
            raise NoteError("a checkpoint is an origin, a size and a root, each in a line")
        return cls(lines[0], parse_size(lines[1]), decode_hash(lines[2]))


def parse_size(written: str) -> int:
    """A size in decimal digits without leading zeros. Raises `NoteError`."""
    if not _SIZE.fullmatch(written) or int(written) > SIZE_MAX:
        raise NoteError("a size has decimal digits only, without leading zeros")
    return int(written)


def proof_text(index: int, proof: Sequence[bytes], note: str) -> str:
    """A `.tlog-proof`: the entry at the index is in the log of this note."""
    return proof_of_lines(index, encode_hashes(proof), note)


def proof_of_lines(index: int, lines: str, note: str) -> str:
    """The same of hashes that are written already, each in a line."""
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{lines}\n{note}"
