"""Whether a log is an extension of what was sealed: the check before anything is derived from it or signed for it."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from services.audit import sealed_log
from services.audit.checkpoint import Checkpoint
from services.audit.database import Connection
from services.audit.files_beside_database import KeyDirectory
from services.audit.key_rotations import first_uninstalled, rotated_to
from services.audit.merkle import HASH_BYTES, leaf_hash
from services.audit.note import NoteError, VerifierKey, open_note
from services.audit.sealed_log import EntryMissing, InstalledKey, LogName, Rotation, StoredTile
from services.audit.tiles import WIDTH, GrowingTree, TileMissing, split
from services.web.log_check import LogAltered

CHECKPOINTS_AT_ONCE: Final = 1_000


class Anchor(NamedTuple):
    """A checkpoint that the log must extend, and where it comes from."""

    checkpoint: Checkpoint
    source: str

    @property
    def name(self) -> str:
        """As a sentence names it."""
        return f"the checkpoint of size {self.checkpoint.size} from {self.source}"


async def anchors(
    connection: Connection,
    log: LogName,
    directory: KeyDirectory,
    *,
    sandbox: bool = False,
    witnessed: Iterable[Anchor] = (),
) -> list[Anchor]:
    """The checkpoints that the log must extend: of the database, the directory and the witnesses, smallest first.

    Raises `LogAltered` for a checkpoint that another key signed or that is of another log, and for a signing key that
    no fact installs. A reset `sandbox` starts another log: what the directory keeps of an earlier one does not count.
    """
    head = await sealed_log.log_head(connection, log)
    if sandbox and all(key.name != head.origin for key in directory.verifier_keys()):
        directory = KeyDirectory(directory.path / "of-an-earlier-log")
    known = [key for key in directory.verifier_keys() if key.name.endswith(f"/{log}")]
    installed = await sealed_log.installed_keys(connection)
    rotations = await sealed_log.rotations(connection, head.origin)
    refuse_uninstalled_keys(installed, rotations)
    keys = known or sealed_log.verifier_keys(head.origin, [key.public_key for key in installed])
    for state, _ in rotations:
        # A rotation counts wherever it stands: the key before it signed it.
        public_keys = [rotated_to(state, key.public_key) for key in keys]
        keys += sealed_log.verifier_keys(head.origin, filter(None, public_keys))
    found = list(witnessed)
    stored = await sealed_log.latest_checkpoint(connection, log)
    if stored is not None:
        opened = _opened(stored.note, keys, log, "the database")
        if (opened.size, opened.root) != (stored.size, stored.root):
            raise LogAltered(log, None, f"the stored checkpoint of size {stored.size} has the note of another one")
        found.append(Anchor(opened, "the database"))
    kept = directory.note(log)
    if kept is not None:
        found.append(Anchor(_opened(kept, keys, log, str(directory.path)), str(directory.path)))
    for anchor in found:
        if anchor.checkpoint.origin != head.origin:
            why = f"{anchor.name} is of the log {anchor.checkpoint.origin}, this is {head.origin}; "
            raise LogAltered(log, 1, why + "another database needs another --data-dir, or SAGECERT_AUDIT_DIRECTORY")
    return sorted(found, key=lambda anchor: anchor.checkpoint.size)


def refuse_uninstalled_keys(keys: Sequence[InstalledKey], rotations: Iterable[Rotation]) -> None:
    """Raises `LogAltered` for a signing key of the database, after the first one, that no rotation installs."""
    stray = first_uninstalled(keys, rotations)
    if stray is not None:
        why = f"the database names the signing key {stray.public_key.hex()[:16]}, which no fact installs there"
        raise LogAltered(LogName.FACTS, stray.fact_position or None, why)


def _opened(note: str, keys: Sequence[VerifierKey], log: LogName, source: str) -> Checkpoint:
    try:
        text, _ = open_note(note, keys)
        return Checkpoint.parse(text)
    except NoteError as problem:
        raise LogAltered(log, None, f"the checkpoint from {source} does not hold, because {problem}") from problem


async def compare_tiles(connection: Connection, log: LogName, directory: KeyDirectory, *, sandbox: bool) -> GrowingTree:
    """Compares the stored tiles with every checkpoint, without reading an entry; returns their tree.

    Raises `LogAltered`: a checkpoint holds more than the log, or has another root.
    """
    size = (await sealed_log.log_head(connection, log)).size
    head = await sealed_log.entries_head(connection, log)
    try:
        tree = await sealed_log.read_tree(connection, log, size)
        for anchor in await anchors(connection, log, directory, sandbox=sandbox):
            sealed = anchor.checkpoint.size
            if sealed > min(size, head):
                raise LogAltered(log, min(size, head) + 1, f"{anchor.name} holds more")
            (root,) = await sealed_log.roots(connection, log, [(0, sealed)])
            if root != anchor.checkpoint.root:
                raise LogAltered(log, None, f"{anchor.name} has another root than the stored tiles")
    except (TileMissing, ValueError) as problem:
        raise LogAltered(log, None, f"a stored tile is damaged ({problem})") from problem
    if head < size:
        raise LogAltered(log, head + 1, f"it ends at {head}, but {size} entries were sealed")
    return tree


class Compared(msgspec.Struct, frozen=True):
    """A log of `size` entries as it was compared: the right edge of its tree, and the root of each full tile."""

    size: int
    edge: dict[int, bytes]
    tile_roots: bytes


def _split(joined: bytes) -> list[bytes]:
    return [joined[place : place + HASH_BYTES] for place in range(0, len(joined), HASH_BYTES)]


class ExtensionCheck:
    """Hashes a log once from its beginning, and its new entries from then on; compares with every checkpoint.

    Keeps 32 bytes for each 256 entries, so that any part of the log can be hashed again and compared. `compared`: what
    was kept of the log when it was compared before, if nobody has changed its table since.
    """

    def __init__(self, log: LogName, compared: "Compared | None" = None) -> None:
        self._log = log
        self._tree = GrowingTree() if compared is None else GrowingTree(compared.size, compared.edge)
        self._tile_roots: list[bytes] = [] if compared is None else _split(compared.tile_roots)
        self._next_tile = 0

    @property
    def size(self) -> int:
        """The size up to which the log was compared."""
        return self._tree.size

    @property
    def compared(self) -> "Compared":
        """What it knows, to go on from."""
        edge = {tile.level: hashes for tile, hashes in self._tree.partial()}
        return Compared(self._tree.size, edge, b"".join(self._tile_roots))

    async def extend(self, connection: Connection, anchors: Sequence[Anchor]) -> None:
        """Hashes the log up to the last of these checkpoints, smallest first. Raises `LogAltered`."""
        for anchor in anchors:
            if anchor.checkpoint.size >= self._tree.size:
                await self._extend_to(connection, anchor)

    async def _extend_to(self, connection: Connection, anchor: Anchor) -> None:
        size, agreed = anchor.checkpoint.size, self._tree.size
        try:
            async for some in sealed_log.entries(connection, self._log, agreed, size, ahead=True):
                full = self._tree.append([leaf_hash(entry) for entry in some])
                self._tile_roots += [grown.root for grown in full if not grown.tile.level]
        except EntryMissing as missing:
            first = await self._first_difference(connection, agreed, size) or missing.position
            raise LogAltered(self._log, min(first, missing.position), f"{anchor.name} holds more") from missing
        if self._tree.root != anchor.checkpoint.root:
            position = await self._first_difference(connection, agreed, size)
            why = f"{anchor.name} has another root"
            if position is None:
                first, after = await self._between_checkpoints(connection, size)
                why += f"; the first difference lies at positions {first + 1} to {after}, whose tiles were forged, too"
            raise LogAltered(self._log, position, why)

    async def _first_difference(self, connection: Connection, after: int, through: int) -> int | None:
        """The first position whose entry has another hash than the stored tiles say; None: there is none."""
        place = after - after % WIDTH
        try:
            async for some in sealed_log.entries(connection, self._log, place, through):
                first_tile = place // WIDTH
                tiles = await sealed_log.leaf_tiles(
                    connection, self._log, first_tile, first_tile + -(-len(some) // WIDTH)
                )
                for entry in some:
                    hashes = split(tiles.get(place // WIDTH, b""))
                    if place % WIDTH >= len(hashes) or hashes[place % WIDTH] != leaf_hash(entry):
                        return place + 1
                    place += 1
        except EntryMissing as missing:
            return missing.position
        return None

    async def _between_checkpoints(self, connection: Connection, size: int) -> tuple[int, int]:
        """The sizes of two kept checkpoints: the entries agree with the first (0: with none), not with the second."""
        tree = GrowingTree()
        while kept := await sealed_log.checkpoints(connection, self._log, tree.size, size, CHECKPOINTS_AT_ONCE):
            for checkpoint in kept:
                agreed = tree.size
                async for some in sealed_log.entries(connection, self._log, agreed, checkpoint.size):
                    tree.append([leaf_hash(entry) for entry in some])
                if tree.root != checkpoint.root:
                    return agreed, checkpoint.size
        return tree.size, size

    async def compare_tiles(self, connection: Connection) -> None:
        """Compares every stored tile with the entries, from the first. Raises `LogAltered`.

        Nothing is derived from tiles; proofs and exports are made of them.
        """
        tree, through = GrowingTree(), self._tree.size
        async for some in sealed_log.entries(connection, self._log, 0, through):
            full = tree.append([leaf_hash(entry) for entry in some])
            tiles = [StoredTile(grown.tile, grown.hashes, grown.group_roots) for grown in full]
            tiles += [StoredTile(*partial) for partial in (tree.partial() if tree.size == through else ())]
            stored = await sealed_log.read_stored_tiles(connection, self._log, [tile.tile for tile in tiles])
            for tile, hashes, group_roots in tiles:
                found = stored.get(tile)
                wrong = found is not None and group_roots and found.group_roots not in (None, group_roots)
                if found is None or not found.hashes.startswith(hashes) or wrong:
                    why = f"tile {tile.number} of level {tile.level} is not that of the entries, which are as sealed"
                    raise LogAltered(self._log, None, why)

    async def recheck(self, connection: Connection, tiles_max: int) -> None:
        """Hashes the next parts of the log again, from the first after the last. Raises `LogAltered`."""
        for _ in range(min(tiles_max, len(self._tile_roots))):
            self._next_tile %= len(self._tile_roots)
            first = self._next_tile * WIDTH
            try:
                (some,) = [page async for page in sealed_log.entries(connection, self._log, first, first + WIDTH)]
            except EntryMissing as missing:
                raise LogAltered(self._log, missing.position, "it was there before") from missing
            again = GrowingTree()
            again.append([leaf_hash(entry) for entry in some])
            if again.root != self._tile_roots[self._next_tile]:
                position = await self._first_difference(connection, first, first + WIDTH)
                raise LogAltered(self._log, position, "it had another hash before")
            self._next_tile += 1
