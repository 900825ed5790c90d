"""What the partners and people of a page are called: asked once, for all ids that its rows hold."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from services.console.service_questions import Questions

NAMES: Final = "/compliance/v1/names"
IDS_MAX: Final = 200
"""Partners, and people, of a page; the others are shown by their ids."""

_PARTNERS: Final = ("partner_id", "into", "subject")
_PEOPLE: Final = ("consultant_id",)


async def names_in(ask: Questions, rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The names by id, of the partners and people that the rows, or the `data` of them, name.

    An id that a partner and a person share has none. No page fails for want of names.
    """
    partners: dict[str, None] = {}
    people: dict[str, None] = {}
    for row in rows:
        for said in (row, row.get("data") or {}):
            partners |= dict.fromkeys(said[name] for name in _PARTNERS if said.get(name))
            people |= dict.fromkeys(said[name] for name in _PEOPLE if said.get(name))
    if not partners and not people:
        return {}
    asked = {"partner_id": [*partners][:IDS_MAX], "consultant_id": [*people][:IDS_MAX]}
    found = (await ask.panel(NAMES, **{name: ids for name, ids in asked.items() if ids})).data
    if found is None:
        return {}
    names = {**found["partners"], **found["consultants"]}
    return {known_id: name for known_id, name in names.items() if not _is_shared(known_id, found)}


def _is_shared(known_id: str, found: Mapping[str, Mapping[str, str]]) -> bool:
    return known_id in found["partners"] and known_id in found["consultants"]
