"""The names of partners and consultants. They lie with their profiles and can be erased; no fact holds one."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from services.compliance.database import Connection

PARTNER_FOUND: Final = """(
    lower({column}) LIKE (SELECT certification.holding({part}))
    OR {column} IN (SELECT certification.partners_named({part}))
)"""
CONSULTANT_FOUND: Final = """(
    lower({column}) LIKE (SELECT certification.holding({part}))
    OR {column} IN (SELECT certification.consultants_named({part}))
)"""
"""Conditions on a column of ids: the id or the name holds the part, case and accents aside. The part is folded once."""

_PARTNER_NAMES: Final = "SELECT n.partner_id, n.name FROM certification.partner_name n WHERE n.partner_id = ANY($1)"
_CONSULTANT_NAMES: Final = """
    SELECT n.consultant_id, n.name FROM certification.consultant_name n WHERE n.consultant_id = ANY($1)
"""


async def partner_names(connection: Connection, partner_ids: Iterable[str]) -> dict[str, str]:
    """The names of those partners that have one, by id."""
    return {row["partner_id"]: row["name"] for row in await connection.fetch(_PARTNER_NAMES, list(partner_ids))}


async def partner_name(connection: Connection, partner_id: str) -> str | None:
    """The name of the partner; None where it is unknown or erased."""
    return (await partner_names(connection, [partner_id])).get(partner_id)


async def consultant_names(connection: Connection, consultant_ids: Iterable[str]) -> dict[str, str]:
    """The names of those consultants that have one, by id."""
    rows = await connection.fetch(_CONSULTANT_NAMES, list(consultant_ids))
    return {row["consultant_id"]: row["name"] for row in rows}


class Search(NamedTuple):
    """Which ids hold a part, in themselves or in the name. `part`: in folded letters."""

    part: str
    named: frozenset[str]

    def finds(self, found_id: str) -> bool:
        """Whether it is one of them; ids have no accents."""
        return self.part in found_id.lower() or found_id in self.named


async def partner_search(connection: Connection, part: str) -> Search:
    """The partners whose id or name holds the part."""
    return Search(*await _searched(connection, "partners_named", part))


async def consultant_search(connection: Connection, part: str) -> Search:
    """The consultants whose id or name holds the part."""
    return Search(*await _searched(connection, "consultants_named", part))


async def _searched(connection: Connection, function: str, part: str) -> tuple[str, frozenset[str]]:
    rows = await connection.fetch(f"SELECT certification.{function}($1)", part)
    folded: str = await connection.fetchval("SELECT certification.folded($1)", part)
    return folded, frozenset(found_id for (found_id,) in rows)
