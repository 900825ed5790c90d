"""The names of partners and consultants. They lie with their profiles and can be erased; no fact holds one."""

from collections.abc import Iterable
from typing import Final

from services.compliance.database import Connection
from services.web.statements import statements

HOLDS_PART: Final = """(
    lower({column}) LIKE (SELECT certification.holding({part})) OR n.folded LIKE (SELECT certification.holding({part}))
)"""
"""A condition on a column of ids and the name `n`: one of them holds the part, case and accents aside."""
_SAMPLE_MIN: Final = 100
_ROWS_PER_ROW_MAX: Final = 30


def longest_walk(limit: int) -> int:
    """How many rows of a list are looked at for a page of so many."""
    return _ROWS_PER_ROW_MAX * limit


def walks(limit: int) -> tuple[int, int]:
    """How many rows of a list a search compares with the searched part, at first and then (see `SEARCH`)."""
    sample = max(limit, _SAMPLE_MIN)
    return sample, longest_walk(sample)


SEARCH: Final = statements(__file__)["search"]
"""A page of the rows of a list whose name or id holds a part; see `names.sql`."""


_PARTNER_NAMES: Final = "SELECT n.partner_id, n.name FROM certification.partner_name n WHERE n.partner_id = ANY($1)"
_CONSULTANT_NAMES: Final = """
    SELECT n.consultant_id, n.name FROM certification.consultant_name n WHERE n.consultant_id = ANY($1)
"""

_FOUND: Final = """
    SELECT f.id COLLATE "C" FROM {found}($1) f (id)
    UNION
    SELECT n.id COLLATE "C" FROM progress p
        JOIN certification.stored_events e ON e.notification_id > p.position
        CROSS JOIN LATERAL (VALUES {ids}) n (id)
    WHERE lower(n.id) LIKE (SELECT certification.holding($1))
    ORDER BY 1
"""
_PARTNERS_FOUND: Final = _FOUND.format(found="partners_found", ids="(e.partner_id), (e.into_partner_id)")
_CONSULTANTS_FOUND: Final = _FOUND.format(found="consultants_found", ids="(e.consultant_id)")


async def partner_names(connection: Connection, partner_ids: Iterable[str]) -> dict[str, str]:
    """The names of those partners that have one, by id."""
    return {row["partner_id"]: row["name"] for row in await connection.fetch(_PARTNER_NAMES, list(partner_ids))}


async def partner_name(connection: Connection, partner_id: str) -> str | None:
    """The name of the partner; None if it is unknown or erased."""
    return (await partner_names(connection, [partner_id])).get(partner_id)


async def consultant_names(connection: Connection, consultant_ids: Iterable[str]) -> dict[str, str]:
    """The names of those consultants that have one, by id."""
    rows = await connection.fetch(_CONSULTANT_NAMES, list(consultant_ids))
    return {row["consultant_id"]: row["name"] for row in rows}


async def partners_found(connection: Connection, part: str) -> list[str]:
    """The partners whose id or name holds the part, in order; also those whose first fact is not applied yet."""
    return [found_id for (found_id,) in await connection.fetch(_PARTNERS_FOUND, part)]


async def consultants_found(connection: Connection, part: str) -> list[str]:
    """The same of consultants."""
    return [found_id for (found_id,) in await connection.fetch(_CONSULTANTS_FOUND, part)]
