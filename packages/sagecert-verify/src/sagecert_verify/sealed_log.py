"""One sealed log of the export: its notes, its hashes and its entries, each against the others."""

import json
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from sagecert_verify.archive import DamagedError, lines_of
from sagecert_verify.finding import Finding, FoundError, Status
from sagecert_verify.merkle import HASH_BYTES, Tree
from sagecert_verify.note import Checkpoint, Key, MalformedNoteError, Note, by_number
from sagecert_verify.rows import WrongEntryError

BUNDLE_ENTRIES: Final = 256
LENGTH_BYTES: Final = 2

Take = Callable[[int, bytes], None]
"""Takes an entry with its position. Raises `WrongEntryError`."""


class SealedLog:
    """Takes the members of one log in their order. `keys`: that may have signed; `earlier`: what the auditor kept.

    `conclude` says what is wrong with it first, by position. `signed_by`: which of the keys signed the checkpoint of
    each size; only the facts say which of them was in force then. `seen`: when one of the `witnesses` first cosigned
    the checkpoint of each size, in seconds since 1970.
    """

    def __init__(
        self, name: str, keys: Sequence[Key], earlier: Checkpoint | None, take: Take, witnesses: Iterable[Key] = ()
    ) -> None:
        self.name = name
        self.note: Note | None = None
        self.checkpoint = Checkpoint("", 0, b"")
        self._keys = by_number(keys)
        self._witnesses = by_number(witnesses)
        self.seen: dict[int, int] = {}
        self._earlier = earlier
        self._take = take
        self.signed_by: dict[int, frozenset[Key]] = {}
        self._kept: dict[int, bytes] = {}
        self._equal_sets: dict[frozenset[Key], frozenset[Key]] = {}
        self._roots: dict[int, bytes] = {}
        self._hashes = bytearray()
        self._tree = Tree()
        self._mismatch: int | None = None
        self._wrong: tuple[int, str] | None = None

    @property
    def entries(self) -> int:
        """How many entries were taken."""
        return self._tree.size

    def take_checkpoint(self, content: bytes) -> None:
        """The newest note: all else must agree with it."""
        self.note, self.checkpoint = self._signed(content, "the checkpoint")
        self._kept[self.checkpoint.size] = self.checkpoint.root
        self._compare_sizes()

    def take_checkpoints(self, content: bytes) -> None:
        """Notes that were published before, a line of JSON each."""
        for line in lines_of(content):
            try:
                kept = json.loads(line)
                size, written = kept["size"], kept["note"].encode()
            except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
                raise DamagedError(f"a line of {self.name}/checkpoints is not JSON with size and note") from None
            _, checkpoint = self._signed(written, f"the kept checkpoint of size {size}")
            if checkpoint.size != size or size > self.checkpoint.size:
                raise DamagedError(f"the note of the kept checkpoint of size {size} has another size")
            if self._kept.setdefault(size, checkpoint.root) != checkpoint.root:
                raise FoundError(
                    Finding(Status.ALTERED, f"two checkpoints of size {size} have different roots", self.name, size)
                )

    def take_hashes(self, content: bytes) -> None:
        """A tile of leaf hashes."""
        if len(content) % HASH_BYTES or len(content) > BUNDLE_ENTRIES * HASH_BYTES:
            raise DamagedError(f"a tile of {self.name} has {len(content)} bytes")
        self._hashes += content

    def take_bundle(self, content: bytes) -> None:
        """A bundle of entries, each after its length."""
        place, taken = 0, 0
        while place < len(content):
            length = int.from_bytes(content[place : place + LENGTH_BYTES], "big")
            entry = content[place + LENGTH_BYTES : place + LENGTH_BYTES + length]
            if len(entry) != length:
                raise DamagedError(f"a bundle of {self.name} ends within entry {self.entries + 1}")
            self._take_entry(entry)
            place, taken = place + LENGTH_BYTES + length, taken + 1
        if taken > BUNDLE_ENTRIES or (taken < BUNDLE_ENTRIES and self.entries < self.checkpoint.size):
            raise DamagedError(f"a bundle of {self.name} has {taken} entries")

    def conclude_empty(self) -> None:
        """Nothing of the log is in the export. Raises `FoundError` if the auditor has seen more."""
        self._compare_sizes()

    def conclude(self) -> None:
        """Raises `FoundError` with the first position that is wrong."""
        size, root = self.checkpoint.size, self._tree.root()
        if self._hashes and len(self._hashes) != size * HASH_BYTES:
            raise DamagedError(f"the tiles of {self.name} have {len(self._hashes) // HASH_BYTES} hashes, not {size}")
        if self.entries != size:
            raise DamagedError(f"{self.name} has {self.entries} entries, and its checkpoint says {size}")
        if root != self.checkpoint.root:
            raise FoundError(self._altered())
        if self._mismatch is not None:
            raise FoundError(
                self._finding(self._mismatch, f"the hash tile of entry {self._mismatch} is not that of the entry")
            )
        for kept in sorted(self._kept):
            if self._roots.get(kept, root) != self._kept[kept]:
                raise FoundError(self._other_history(kept))
        if self._earlier is not None and self._roots.get(self._earlier.size, root) != self._earlier.root:
            raise FoundError(self._other_history(self._earlier.size, "your earlier checkpoint"))
        if self._wrong is not None:
            position, sentence = self._wrong
            raise FoundError(self._finding(position, f"entry {position} of {self.name}: {sentence}"))

    def _take_entry(self, entry: bytes) -> None:
        leaf = sha256(b"\x00" + entry).digest()
        first = self._tree.size * HASH_BYTES
        self._tree.append(leaf)
        position = self._tree.size
        if position > self.checkpoint.size:
            raise DamagedError(f"{self.name} has more entries than its checkpoint says: {self.checkpoint.size}")
        if self._mismatch is None and self._hashes and self._hashes[first : first + HASH_BYTES] != leaf:
            self._mismatch = position
        if position in self._kept or (self._earlier is not None and position == self._earlier.size):
            self._roots[position] = self._tree.root()
        if self._wrong is None:
            try:
                self._take(position, entry)
            except WrongEntryError as problem:
                self._wrong = position, str(problem)

    def _signed(self, content: bytes, what: str) -> tuple[Note, Checkpoint]:
        try:
            note = Note.read(content.decode("utf-8"))
            checkpoint = note.checkpoint
        except (MalformedNoteError, UnicodeDecodeError) as problem:
            raise DamagedError(f"{what} of {self.name}: {problem}") from None
        signed_by = frozenset(key for key in note.signed_by_one_of(self._keys) if key.name == checkpoint.origin)
        self.signed_by[checkpoint.size] = self._equal_sets.setdefault(signed_by, signed_by)
        if not signed_by:
            raise FoundError(
                Finding(Status.ALTERED, f"{what} of {self.name} is not signed by a key of the log", self.name)
            )
        seen = note.cosigned_at(self._witnesses)
        if seen is not None:
            self.seen[checkpoint.size] = min(seen, self.seen.get(checkpoint.size, seen))
        return note, checkpoint

    def _compare_sizes(self) -> None:
        if self._earlier is not None and self._earlier.size > self.checkpoint.size:
            raise FoundError(
                self._finding(
                    self.checkpoint.size + 1,
                    f"your earlier checkpoint has {self._earlier.size} entries, the export {self.checkpoint.size}: "
                    "the tail was cut, or the export was made earlier",
                )
            )

    def _altered(self) -> Finding:
        """Where the entries differ from the signed root: by the tiles, if these are right, or by kept checkpoints."""
        tiles = Tree()
        for place in range(0, len(self._hashes), HASH_BYTES):
            tiles.append(bytes(self._hashes[place : place + HASH_BYTES]))
        if self._hashes and tiles.root() == self.checkpoint.root:
            assert self._mismatch is not None
            return self._finding(
                self._mismatch, f"entry {self._mismatch} of {self.name} is not the one that was sealed"
            )
        good = max((size for size in self._roots if self._roots[size] == self._kept.get(size)), default=0)
        suspects = [found for found in (self._mismatch, self._wrong and self._wrong[0]) if found and found > good]
        return self._finding(
            min(suspects, default=good + 1), f"{self.name} is not what was sealed; its first {good} entries are"
        )

    def _other_history(self, size: int, what: str = "a checkpoint that was published") -> Finding:
        good = max(
            (kept for kept in self._roots if kept < size and self._roots[kept] == self._kept.get(kept)), default=0
        )
        return self._finding(
            good + 1,
            f"{what}, of size {size}, is of another history: "
            f"an entry from {good + 1} to {size} of {self.name} was another one",
        )

    def _finding(self, position: int, sentence: str) -> Finding:
        return Finding(Status.ALTERED, sentence, self.name, position)
