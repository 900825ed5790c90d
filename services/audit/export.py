"""Exports of the audit trail: one file from which a stranger verifies everything without asking us.

A gzip-compressed tar archive with members in a fixed order. Members named like tiles are the tiles and entry bundles of
C2SP tlog-tiles; docs/auditor-guide.md lists the others.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from services.audit import sealed_log
from services.audit.archive import Archive
from services.audit.database import Connection
from services.audit.note import NoteError, VerifierKey, open_note
from services.audit.refusals import NotSealed, NotWhatWasSealed
from services.audit.sealed_log import LogName, StoredCheckpoint
from services.audit.sealed_log_answers import bundle_of, proof_of
from services.audit.settings import AuditSettings
from services.audit.tiles import WIDTH, TileId, TileMissing, number_path, width_in
from services.web.statements import statements
from shared.events.system_facts import ENGINE, EngineInstalled

FORMAT: Final = "sagecert-audit-export/2"
ROWS_AT_ONCE: Final = 1_000
"""Checkpoints, and facts of a partner, in a member or in a statement."""
SEARCH_MAX: Final = 64

_SQL: Final = statements(__file__)
_HASHED_TEXT: Final = b'_hash":"'

UNPROVED: Final = (
    "Whether the log has shown others another past: that takes a witness, or an earlier checkpoint of your own.",
    "Whether what was reported is true: the log proves who reported what, and when.",
)
UNPROVED_OF_PARTNER: Final = (
    *UNPROVED,
    "Whether the log holds further facts about this partner: a proof shows that an entry is in it, not that it is all.",
    "That positions have no gaps and instants of recording never go back: that takes the whole log.",
    "What this partner's standings are: facts about others, of whom this export says nothing, can matter to them.",
)


class Export(NamedTuple):
    """The extent of an export: up to these checkpoints. `partner_id`: of this partner alone."""

    partner_id: str | None
    facts: StoredCheckpoint
    events: StoredCheckpoint | None
    claims: StoredCheckpoint | None
    made_at: datetime

    @property
    def logs(self) -> dict[LogName, StoredCheckpoint | None]:
        """The checkpoint of each log; None: nothing of it is in the export."""
        return {LogName.FACTS: self.facts, LogName.COMPLIANCE: self.events, LogName.CLAIMS: self.claims}

    @property
    def entries(self) -> int:
        """How many entries the logs have up to these checkpoints."""
        return sum(checkpoint.size for checkpoint in self.logs.values() if checkpoint is not None)


class Progress(NamedTuple):
    """How many entries are exported, of how many."""

    done: int
    total: int


async def prepare(
    connection: Connection,
    settings: AuditSettings,
    partner_id: str | None,
    until: int | None,
    made_at: datetime | None = None,
) -> Export:
    """What can be exported now. `until`: the export covers at least this position.

    `made_at`: by default the database's clock. Raises `NotSealed` and `NotWhatWasSealed`.
    No event follows from a fact beyond the checkpoint of the facts, and no claim depends on one.
    """
    facts = await _checkpoint(connection, settings, LogName.FACTS, until)
    events = await _events_from(connection, settings, facts.size)
    claims = await _claims_from(connection, settings, facts.size)
    return Export(partner_id, facts, events, claims, made_at or await connection.fetchval("SELECT clock_timestamp()"))


async def _checkpoint(
    connection: Connection, settings: AuditSettings, log: LogName, until: int | None
) -> StoredCheckpoint:
    counting = (settings.witness_keys, settings.cosignatures_min)
    latest = await sealed_log.latest_checkpoint(connection, log, *counting)
    if latest is None or latest.size < (until or 0):
        end = latest.size if latest else 0
        raise NotSealed(f"The latest checkpoint that counts ends at position {end}.")
    if until is None:
        return latest
    following = await sealed_log.checkpoints(connection, log, max(until, 1) - 1, latest.size, SEARCH_MAX)
    for checkpoint in following:
        found = await sealed_log.latest_checkpoint(connection, log, *counting, size_max=checkpoint.size)
        if found is not None and found.size >= until:
            return found
    return latest


async def _events_from(connection: Connection, settings: AuditSettings, facts: int) -> StoredCheckpoint | None:
    """The greatest checkpoint of events that follow from these facts; None: there is none.

    An event of a timer follows from facts recorded before it. So the checkpoint has no event later than the recording
    of the first fact that the export lacks.
    """
    size_max = await sealed_log.entries_head(connection, LogName.COMPLIANCE)
    size_max = await connection.fetchval(_SQL["before_later_engines"], facts, size_max)
    if not await connection.fetchval(_SQL["follows"], size_max, facts):
        first, after = 0, size_max
        while after - first > 1:  # the events up to `first` do, those up to `after` do not
            middle = (first + after) // 2
            if await connection.fetchval(_SQL["follows"], middle, facts):
                first = middle
            else:
                after = middle
        size_max = first
    return await _greatest(connection, settings, LogName.COMPLIANCE, size_max, facts)


async def _claims_from(connection: Connection, settings: AuditSettings, facts: int) -> StoredCheckpoint | None:
    """The greatest checkpoint whose claims, and their engines, depend on these facts alone; None: there is none.

    Raises `NotWhatWasSealed` if all sealed claims from one on would be left out for a claim that none can have made.
    """
    later = [row[0].removeprefix(ENGINE.prefix) for row in await connection.fetch(_SQL["later_engines"], facts)]
    size_max = (await sealed_log.log_head(connection, LogName.CLAIMS)).size
    row = await connection.fetchrow(_SQL["first_later_claim"], facts, later)
    if row is not None and row["number"] <= size_max:
        head = await sealed_log.entries_head(connection, LogName.FACTS)
        if row["position"] > head:
            raise NotWhatWasSealed(
                f"The log of claims is not what was recorded: claim {row['number']} was judged from facts up to "
                f"position {row['position']}, and they end at {head}. An export would end before it, so none is made."
            )
        size_max = row["number"] - 1
    return await _greatest(connection, settings, LogName.CLAIMS, size_max, facts)


async def _greatest(
    connection: Connection, settings: AuditSettings, log: LogName, size_max: int, facts: int
) -> StoredCheckpoint | None:
    """The greatest checkpoint that counts, up to this size, signed by a key that these facts install."""
    counting = (settings.witness_keys, settings.cosignatures_min)
    keys = await _keys(connection, log, facts)
    found = await sealed_log.latest_checkpoint(connection, log, *counting, size_max=size_max)
    while found is not None and not _is_signed(found.note, keys):
        found = await sealed_log.latest_checkpoint(connection, log, *counting, size_max=found.size - 1)
    return found


async def _keys(connection: Connection, log: LogName, facts: int) -> list[VerifierKey]:
    """The keys of a log that the facts up to a position install, the first one included."""
    installed = await sealed_log.installed_keys(connection)
    public_keys = [key.public_key for key in installed if key.fact_position <= facts]
    return sealed_log.verifier_keys((await sealed_log.log_head(connection, log)).origin, public_keys)


def _is_signed(note: str, keys: Sequence[VerifierKey]) -> bool:
    try:
        open_note(note, keys)
    except NoteError:
        return False
    return True


async def stream(
    connection: Connection,
    settings: AuditSettings,
    export: Export,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> AsyncIterator[bytes]:
    """The bytes of the archive. Raises `EntryMissing` and `TileMissing` if the log is not what was sealed."""
    archive = Archive(int(export.made_at.timestamp()))
    done, erased = 0, list[str]()
    manifest = await _manifest(connection, settings, export)
    yield archive.member("manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    for log, checkpoint in export.logs.items():
        if checkpoint is None:
            continue
        members = _log_members(connection, log, checkpoint, export.partner_id)
        async for name, content, entries in members:
            if log is LogName.FACTS:
                erased += await _erased(connection, entries)
            yield await asyncio.to_thread(archive.member, name, content)
            done += len(entries)
            on_progress(Progress(done, export.entries))
    for name, content in _in_parts("erasures", ({"fact_id": fact_id} for fact_id in erased)):
        yield archive.member(name, content)
    yield archive.end()


async def _manifest(connection: Connection, settings: AuditSettings, export: Export) -> dict[str, Any]:
    logs = {}
    for log, checkpoint in export.logs.items():
        logs[log] = {
            "origin": (await sealed_log.log_head(connection, log)).origin,
            "size": checkpoint.size if checkpoint else 0,
            "root": b64encode(checkpoint.root).decode() if checkpoint else None,
            "keys": [key.text for key in await _keys(connection, log, export.facts.size)],
        }
    streams = {"policy_facts": "policy", "engine_facts": "engine", "key_facts": "signing_key"}
    positions = {
        name: [row[0] for row in await connection.fetch(_SQL["positions"], prefix, export.facts.size)]
        for name, prefix in streams.items()
    }
    return {
        "format": FORMAT,
        "made_at": export.made_at,
        "partner_id": export.partner_id,
        "products": await _products(connection, settings, export.facts.size),
        "logs": logs,
        **positions,
        "unproved": UNPROVED if export.partner_id is None else UNPROVED_OF_PARTNER,
    }


async def _products(connection: Connection, settings: AuditSettings, size: int) -> Sequence[str]:
    """Those that the last engine sells of which the export says that it was installed."""
    state = await connection.fetchval(_SQL["last_engine"], size)
    return settings.products if state is None else msgspec.json.decode(state, type=_Installed).data.products


class _Installed(msgspec.Struct):
    data: EngineInstalled


_Member = tuple[str, bytes, Sequence[bytes]]
"""A name, a content and the entries in it."""


async def _log_members(
    connection: Connection, log: LogName, checkpoint: StoredCheckpoint, partner_id: str | None
) -> AsyncIterator[_Member]:
    yield f"{log}/checkpoint", checkpoint.note.encode(), ()
    after, part = 0, 0
    while some := await sealed_log.checkpoints(connection, log, after, checkpoint.size, ROWS_AT_ONCE):
        rows = ({"size": earlier.size, "note": earlier.note} for earlier in some)
        yield f"{log}/checkpoints/{part:03}.jsonl", _lines(rows), ()
        after, part = some[-1].size, part + 1
    members = (
        _whole(connection, log, checkpoint)
        if partner_id is None
        else _of_partner(connection, log, checkpoint, partner_id)
    )
    async for member in members:
        yield member


async def _whole(connection: Connection, log: LogName, checkpoint: StoredCheckpoint) -> AsyncIterator[_Member]:
    """The tiles of leaf hashes, and the entries behind them."""
    tiles = -(-checkpoint.size // WIDTH)
    for first in range(0, tiles, 16):
        stored = await sealed_log.leaf_tiles(connection, log, first, min(first + 16, tiles))
        for number in range(first, min(first + 16, tiles)):
            tile = TileId(0, number)
            width = width_in(tile, checkpoint.size)
            hashes = stored.get(number, b"")[: 32 * width]
            if len(hashes) < 32 * width:
                raise TileMissing(tile)
            yield f"{log}/tile/0/{number_path(number, width)}", hashes, ()
    number = 0
    async for some in sealed_log.entries(connection, log, 0, checkpoint.size):
        for first in range(0, len(some), WIDTH):
            entries = some[first : first + WIDTH]
            yield f"{log}/tile/entries/{number_path(number, len(entries))}", bundle_of(entries), entries
            number += 1


async def _of_partner(
    connection: Connection, log: LogName, checkpoint: StoredCheckpoint, partner_id: str
) -> AsyncIterator[_Member]:
    """Each entry that concerns the partner, with its proof."""
    statement = _SQL[f"{log}_of_partner"]
    after = 0
    while rows := await connection.fetch(statement, partner_id, after, checkpoint.size, ROWS_AT_ONCE):
        for (position,) in rows:
            async for (entry,) in sealed_log.entries(connection, log, position - 1, position):
                yield f"{log}/entries/{position}", entry, (entry,)
            proof = await proof_of(connection, log, position, checkpoint)
            yield f"{log}/proofs/{position}.tlog-proof", proof.encode(), ()
        after = rows[-1][0]


class _Identified(msgspec.Struct):
    fact_id: str


async def _erased(connection: Connection, entries: Sequence[bytes]) -> list[str]:
    """The facts among these entries whose free text was erased."""
    lines = [entry.partition(b"\n") for entry in entries]
    named = [msgspec.json.decode(line, type=_Identified).fact_id for line, _, state in lines if _HASHED_TEXT in state]
    return [row["fact_id"] for row in await connection.fetch(_SQL["erased"], named)] if named else []


def _in_parts(name: str, rows: Iterable[dict[str, Any]]) -> Iterable[tuple[str, bytes]]:
    """Members of at most `ROWS_AT_ONCE` rows."""
    every = list(rows)
    for part, first in enumerate(range(0, len(every), ROWS_AT_ONCE)):
        yield f"{name}/{part:03}.jsonl", _lines(every[first : first + ROWS_AT_ONCE])


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
