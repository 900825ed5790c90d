"""Compares two read models, row for row and byte for byte."""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Final

from services.compliance.database import OwnConnection
from services.compliance.projection.parallel_statements import run_on

_EVENTS_PER_DIGEST: Final = 1_000

_EVENTS: Final = f"""
    SELECT (position - 1) / {_EVENTS_PER_DIGEST} AS part, md5(string_agg(md5(e::text), '' ORDER BY position)) AS digest
    FROM compliance_event e WHERE position > $1 AND position <= $2 GROUP BY 1 ORDER BY 1
"""

_SAME_EVENTS: Final = """
    SELECT NOT EXISTS (
        SELECT FROM (SELECT * FROM compliance_event WHERE position > $1 AND position <= $2) live
        FULL JOIN (SELECT * FROM "{schema}".compliance_event WHERE position > $1 AND position <= $2) other
            USING (position)
        WHERE live IS DISTINCT FROM other)
"""
"""Reads both logs in order, side by side; a difference in any column counts."""

_BY_OWNER: Final = """
    SELECT {owner} AS part, md5(string_agg(md5(t::text), '' ORDER BY t::text)) AS digest
    FROM {table} t GROUP BY 1 ORDER BY 1
"""

_EVERY_EVENT: Final = (0, 2**63 - 1)

_TABLES: Final[dict[str, tuple[str, tuple[int, ...]]]] = {
    "compliance_event": (_EVENTS, _EVERY_EVENT),
    **{
        table: (_BY_OWNER.format(table=table, owner=owner), ())
        for table, owner in (
            ("standing", "partner_id"),
            ("replacement_window", "partner_id"),
            ("timer", "partner_id"),
            ("consultant_link", "partner_id"),
            ("consultant_certification", "consultant_id"),
            ("maintenance_duty", "consultant_id"),
            ("mentioned_partner", "partner_id"),
            ("mentioned_consultant", "consultant_id"),
            ("policy_revision", "policy_id"),
        )
    },
}


async def same_events(connections: Sequence[OwnConnection], schema: str, after: int, through: int) -> bool:
    """Whether the read model of the connections and that of `schema` published the same events after `after`.

    No event up to the position `through` may be appended meanwhile. Each connection compares a part of them.
    """
    found: list[bool] = []

    async def compare(connection: OwnConnection, *, after: int, through: int) -> None:
        async with connection.transaction(readonly=True):
            await connection.execute("SET LOCAL enable_mergejoin = on")
            found.append(await connection.fetchval(_SAME_EVENTS.format(schema=schema), after, through))

    shares = len(connections)
    bounds = [after + (through - after) * share // shares for share in range(shares + 1)]
    await run_on(
        connections, [partial(compare, after=first, through=last) for first, last in pairwise(bounds) if first < last]
    )
    return all(found)


async def differences(live: OwnConnection, other: OwnConnection) -> list[str]:
    """One sentence for each table that differs, with the first part that does.

    Each connection has a read model first on its search path. Only digests leave the database.
    """
    found = []
    for table, (statement, arguments) in _TABLES.items():
        digests = await asyncio.gather(*(_digests(connection, statement, *arguments) for connection in (live, other)))
        if digests[0] != digests[1]:
            parts = sorted(
                key for key in digests[0].keys() | digests[1].keys() if digests[0].get(key) != digests[1].get(key)
            )
            first = (
                f"from number {parts[0] * _EVENTS_PER_DIGEST + 1}" if isinstance(parts[0], int) else f"of {parts[0]}"
            )
            found.append(f"{table}: {len(parts)} parts differ, the first {first}")
    return found


async def _digests(connection: OwnConnection, statement: str, *arguments: int) -> dict[int | str, str]:
    await connection.execute("SET enable_seqscan = on")
    return {row["part"]: row["digest"] for row in await connection.fetch(statement, *arguments)}
