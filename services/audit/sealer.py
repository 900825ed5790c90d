"""The sealer: hashes committed entries, and publishes at most once a second a signed checkpoint of each log."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.audit import sealed_log
from services.audit.checkpoint import Checkpoint
from services.audit.database import OwnConnection, connect
from services.audit.extension_check import compare_tiles, refuse_uninstalled_keys
from services.audit.files_beside_database import KeyDirectory, KeyDirectoryError
from services.audit.key_rotations import installed_by
from services.audit.merkle import leaf_hash
from services.audit.note import Signature, public_bytes, sign, signed_note
from services.audit.sealed_log import EntryMissing, InstalledKey, Lease, LogName, StoredCheckpoint, StoredTile
from services.audit.settings import AuditSettings
from services.audit.tiles import GrowingTree
from services.web.database_connections import AWAY, terminating
from services.web.log_check import LogAltered
from services.web.reconnect import Backoff, keep_connected
from services.web.wakeup import wait_until_set
from shared.events.channels import COMPLIANCE_CHANNEL, FACTS_CHANNEL

if TYPE_CHECKING:
    from services.audit.witness_rounds import WitnessRounds

PUBLISH_SECONDS: Final = 1.0
"""Between two checkpoints of a log at least."""
CLAIMS_SECONDS: Final = 10.0
"""The same for claims: they come all the time, and each checkpoint is kept for ever."""
POLL_SECONDS: Final = 1.0
"""How long an entry can stay unsealed when its notification was lost."""
LEASE_SECONDS: Final = 15.0
"""Each round renews the lease; the longest pause after a sealer dies."""
SEALED_AT_ONCE: Final = 1 << 18
"""Entries between two checkpoints at most: 8 MiB of hashes, and below two seconds."""
ALTERED_PAUSE_SECONDS: Final = 30.0
"""Before a log that was altered, or the directory of the keys, is looked at again."""

_log: Final = logging.getLogger(__name__)


class Sealer:
    """Seals until cancelled. Any number may run: the lease of a log goes to one of them.

    Signs nothing for a log that is not an extension of what was sealed.
    """

    def __init__(self, settings: AuditSettings) -> None:
        self._settings = settings
        self._held_by = f"{socket.gethostname()}:{os.getpid()}"
        self._wakeup = asyncio.Event()
        self._trouble: str | None = None
        self._paused_until = float("-inf")
        self._directory = KeyDirectory(settings.directory)

    async def run(self) -> None:
        """Seals until cancelled."""
        await keep_connected(self._seal, self._failed)

    async def seal_everything(self) -> None:
        """Seals what is committed, and asks the witnesses once. Raises `LogAltered`, `KeyDirectoryError`."""
        async with self._connected() as connection, self._witnesses() as witnesses:
            for log in SealedLog.all(connection, self._settings, self._held_by):
                while await log.seal():
                    pass
                if witnesses is not None:
                    await witnesses.ask(log.name, log.latest)
                    await witnesses.answered()
            await sealed_log.release_leases(connection, self._held_by)

    async def _seal(self, backoff: Backoff) -> None:
        async with self._connected() as connection, self._witnesses() as witnesses:
            await self._pause(connection)
            logs = SealedLog.all(connection, self._settings, self._held_by)
            while True:
                self._wakeup.clear()
                started = asyncio.get_running_loop().time()
                sealed = [await self._sealed(log) for log in logs if log.is_due()]
                if witnesses is not None:
                    for log in logs:
                        await witnesses.ask(log.name, log.latest)
                self._trouble = "; ".join(log.trouble for log in logs if log.trouble) or None
                backoff.reset()
                await sealed_log.beat(connection, self._held_by, self._trouble)
                spent = asyncio.get_running_loop().time() - started
                await asyncio.sleep(max(0.0, PUBLISH_SECONDS - spent))
                if not any(sealed):
                    await wait_until_set(self._wakeup, POLL_SECONDS)

    async def _sealed(self, log: "SealedLog") -> bool:
        """Seals the next entries of a log; one that was altered waits, and the others go on."""
        try:
            return await log.seal()
        except LogAltered as problem:
            log.pause(str(problem))
            _log.error("%s", problem)
            return False

    async def _pause(self, connection: OwnConnection) -> None:
        """Waits before it looks for the signing key again, and says meanwhile why nothing is sealed."""
        await sealed_log.beat(connection, self._held_by, self._trouble)
        while asyncio.get_running_loop().time() < self._paused_until:
            await asyncio.sleep(POLL_SECONDS)
            await sealed_log.beat(connection, self._held_by, self._trouble)

    @asynccontextmanager
    async def _witnesses(self) -> "AsyncIterator[WitnessRounds | None]":
        """Who asks the witnesses, if there are any; what that needs is loaded only then."""
        if not self._settings.witnesses:
            yield None
            return
        from services.audit.witness_rounds import WitnessRounds

        async with WitnessRounds.running(self._settings) as rounds:
            yield rounds

    def _connected(self) -> AbstractAsyncContextManager[OwnConnection]:
        hear = dict.fromkeys((FACTS_CHANNEL, COMPLIANCE_CHANNEL), lambda *_: self._wakeup.set())
        return terminating(connect(self._settings), hear)

    def _failed(self, problem: Exception, _: Backoff) -> None:
        self._trouble = str(problem)
        if isinstance(problem, KeyDirectoryError):
            self._paused_until = asyncio.get_running_loop().time() + ALTERED_PAUSE_SECONDS
            _log.error("%s", problem)
        elif isinstance(problem, AWAY):
            _log.warning("the sealer lost its connection and reconnects: %r", problem)
        else:
            _log.error("the sealer stops at its last checkpoint and retries", exc_info=problem)


class _Claim(msgspec.Struct):
    position: int


class SealedLog:
    """One log while this sealer is connected.

    `latest`: the checkpoint that was published last. `trouble`: why it is not sealed; None: it is.
    """

    def __init__(self, connection: OwnConnection, settings: AuditSettings, held_by: str, name: LogName) -> None:
        self._connection = connection
        self._settings = settings
        self._held_by = held_by
        self.name = name
        self._directory = KeyDirectory(settings.directory)
        self._tree: GrowingTree | None = None
        self._keys: list[InstalledKey] = []
        self.latest: StoredCheckpoint | None = None
        self._origin = ""
        self._due_at = float("-inf")
        self.trouble: str | None = None

    @classmethod
    def all(cls, connection: OwnConnection, settings: AuditSettings, held_by: str) -> "list[SealedLog]":
        """The facts first: a rotation of the key is one of them."""
        return [cls(connection, settings, held_by, name) for name in LogName]

    def is_due(self) -> bool:
        """Whether it is time for the next checkpoint."""
        now = asyncio.get_running_loop().time()
        if now < self._due_at:
            return False
        self._due_at = now + CLAIMS_SECONDS if self.name is LogName.CLAIMS else now
        self.trouble = None
        return True

    def pause(self, trouble: str) -> None:
        """The log is compared again after a while."""
        self._tree, self.trouble = None, trouble
        self._due_at = asyncio.get_running_loop().time() + ALTERED_PAUSE_SECONDS

    async def seal(self) -> bool:
        """Seals the next entries; False: there is none, or another sealer holds the log.

        Raises `LogAltered`, `KeyDirectoryError`.
        """
        try:
            return await self._seal()
        except LogAltered:
            if (await sealed_log.log_head(self._connection, self.name)).origin == self._origin:
                raise
            self._tree = None  # a sandbox was emptied meanwhile: this is another log
            return False

    async def _seal(self) -> bool:
        lease = await sealed_log.take_lease(self._connection, self.name, self._held_by, LEASE_SECONDS)
        if lease is None:
            self._tree = None
            return False
        known, self._keys = self._keys, await sealed_log.installed_keys(self._connection)
        if not self._keys and self.name is not LogName.FACTS:
            return False  # the sealer of the facts makes the first key
        if self._tree is not None and self._origin == lease.origin and self._keys != known:
            await self._take_keys(lease.origin)
        if self._tree is None or self._tree.size != lease.size or self._origin != lease.origin:
            self._tree = await self._begin(lease)
        head = await sealed_log.entries_head(self._connection, self.name)
        if head < lease.size:
            raise LogAltered(self.name, head + 1, f"it ends at {head}, but {lease.size} entries were sealed")
        if head == lease.size:
            return False
        tree, self._tree = self._tree, None  # until it is stored
        through = min(head, lease.size + SEALED_AT_ONCE)
        tiles: list[StoredTile] = []
        async for some in self._entries(lease.size, through):
            await self._install_keys(some, tree.size)
            full = tree.append([leaf_hash(entry) for entry in some])
            tiles += [StoredTile(grown.tile, grown.hashes, grown.group_roots) for grown in full]
        tiles += [StoredTile(tile, hashes) for tile, hashes in tree.partial()]
        checkpoint = self._signed(Checkpoint(lease.origin, tree.size, tree.root))
        if not await sealed_log.store_growth(self._connection, self.name, lease, tiles, checkpoint):
            return False
        self._tree, self.latest = tree, checkpoint
        self._directory.keep_note(self.name, checkpoint.note)
        return True

    async def _entries(self, after: int, through: int) -> AsyncIterator[list[bytes]]:
        """The entries that are not sealed yet. Raises `LogAltered`: one is missing, or cannot be as it was recorded."""
        try:
            async for some in sealed_log.entries(self._connection, self.name, after, through):
                if self.name is LogName.CLAIMS:
                    await self._refuse_later_claims(some, after)
                yield some
                after += len(some)
        except EntryMissing as missing:
            why = f"nothing that can be read has this position, and the log goes on to {through}"
            raise LogAltered(self.name, missing.position, why) from missing

    async def _refuse_later_claims(self, some: Sequence[bytes], after: int) -> None:
        """Raises `LogAltered` for a claim that names a fact which is not there; an export could not go past it."""
        facts = await sealed_log.entries_head(self._connection, LogName.FACTS)
        for number, entry in enumerate(some, start=after + 1):
            position = msgspec.json.decode(entry, type=_Claim).position
            if position > facts:
                why = f"claim {number} was judged from facts up to position {position}, and they end at {facts}"
                raise LogAltered(self.name, number, why)

    async def _begin(self, lease: Lease) -> GrowingTree:
        """The tree to go on with, compared with what was sealed. Raises `LogAltered`, `KeyDirectoryError`."""
        self._origin = lease.origin
        known = self._directory.verifier_keys()
        if (
            self._settings.sandbox
            and known
            and all(sealed_log.log_id(key.name) != sealed_log.log_id(lease.origin) for key in known)
        ):
            self._directory.forget_log()  # the sandbox was reset
        if not self._keys:
            await self._make_first_key(lease)
        await self._take_keys(lease.origin)
        tree = await compare_tiles(self._connection, self.name, self._directory, sandbox=self._settings.sandbox)
        self.latest = await sealed_log.latest_checkpoint(self._connection, self.name)
        if lease.size and (self.latest is None or self.latest.root != tree.root):
            raise LogAltered(self.name, None, "the stored tiles have another root than the last checkpoint")
        return tree

    async def _make_first_key(self, lease: Lease) -> None:
        if self._directory.verifier_keys():
            why = f"{self._directory.path} is of another log, and this one was never sealed; another database needs "
            raise LogAltered(self.name, 1, f"{why}another --data-dir, or SAGECERT_AUDIT_DIRECTORY")
        key = self._directory.any_signing_key() if self._settings.sandbox else None
        if key is None:
            key = self._directory.make_signing_key()
            _log.info("the log %s signs with a new key in %s; back it up", lease.origin, self._directory.path)
        await sealed_log.store_key(self._connection, public_bytes(key), 0)
        self._keys = await sealed_log.installed_keys(self._connection)

    async def _take_keys(self, origin: str) -> None:
        """Keeps the keys that the database names. Raises `LogAltered` if no fact installs one of them."""
        refuse_uninstalled_keys(self._keys, await sealed_log.rotations(self._connection, origin))
        self._keep_verifier_keys(origin)

    def _keep_verifier_keys(self, origin: str) -> None:
        """Adds the keys of this log. A first key that contradicts the kept one is refused by `anchors`."""
        kept = self._directory.verifier_keys()
        own = [key for key in kept if key.name == origin]
        public_keys = [key.public_key for key in self._keys]
        if own and [key.public_key for key in own] != public_keys[: len(own)]:
            raise LogAltered(self.name, None, f"the database names another key than {self._directory.path}")
        others = [key for key in kept if key.name != origin]
        self._directory.keep_verifier_keys([*others, *sealed_log.verifier_keys(origin, public_keys)])

    async def _install_keys(self, some: Sequence[bytes], size: int) -> None:
        """Installs the keys of rotations among these entries after the first `size`; they are facts."""
        if self.name is not LogName.FACTS:
            return
        for place, entry in enumerate(some):
            key = installed_by(entry, size + place + 1, self._keys)
            if key is not None:
                await sealed_log.store_key(self._connection, *key)
                self._keys.append(key)
                self._keep_verifier_keys(self._origin)

    def _signed(self, checkpoint: Checkpoint) -> StoredCheckpoint:
        """Signed by the key in force, and by the key before it as long as the directory has that key.

        A witness that does not know the new key yet checks the signature of the old one.
        """
        keys = [self._private(self._keys[-1])]
        if len(self._keys) > 1 and (before := self._directory.signing_key(self._keys[-2].public_key)) is not None:
            keys.append(before)
        signatures_made: list[Signature] = [sign(checkpoint.text, checkpoint.origin, key) for key in keys]
        return StoredCheckpoint(checkpoint.size, checkpoint.root, signed_note(checkpoint.text, signatures_made))

    def _private(self, installed: InstalledKey) -> Ed25519PrivateKey:
        key = self._directory.signing_key(installed.public_key)
        if key is None:
            raise KeyDirectoryError(
                f"{self._directory.path} does not hold the signing key {installed.public_key.hex()[:16]}, which signs "
                f"this log: restore the directory, or set SAGECERT_AUDIT_DIRECTORY."
            )
        return key
