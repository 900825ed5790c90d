"""Whom a field means: partners and people are typed by id or by name, and named before a fact is recorded."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from services.console.service_questions import Questions, Refused

NEAR_MAX: Final = 5
"""How many are offered where a text could mean several."""

_ROWS: Final = 40
_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_LISTS: Final = {
    "partner": ("/compliance/v1/partners", "partners", "partner_id"),
    "person": ("/compliance/v1/consultants", "consultants", "consultant_id"),
}
KINDS: Final = {"partner_id": "partner", "into": "partner", "consultant_id": "person"}
"""By field: of what kind it names somebody."""


class Meant(NamedTuple):
    """`values`: the fields, ids in place of names. `names`: of those ids. `unknown`: fields whose id is new here."""

    values: dict[str, Sequence[str]]
    names: dict[str, str]
    unknown: frozenset[str]


async def meant_by(ask: Questions, values: Mapping[str, Sequence[str]]) -> Meant:
    """Whom the fields name. Raises `Refused` if a name fits nobody, or several."""
    meant = {**values}
    names: dict[str, str] = {}
    unknown: set[str] = set()
    errors = []
    for field, kind in KINDS.items():
        text = next(iter(values.get(field, ())), "")
        if not text:
            continue
        found = await known(ask, kind, text)
        if found is None:
            continue
        chosen = _chosen(text, found)
        if chosen is not None:
            meant[field] = [chosen]
            names[chosen] = found[chosen] or chosen
        elif _ID.fullmatch(text):
            unknown.add(field)
        else:
            errors.append({"place": "body", "parameter": field, "expected": _which(kind, found)})
    if errors:
        raise Refused(422, {"title": "Not clear", "detail": "It is not clear who is meant.", "errors": errors})
    return Meant(meant, names, frozenset(unknown))


async def known(ask: Questions, kind: str, text: str) -> dict[str, str | None] | None:
    """Those whose id or name contains the text: id to name, in the order of the list; None: nobody can say now."""
    address, member, id_name = _LISTS[kind]
    answer = await ask.panel(address, q=text[:100], limit=_ROWS)
    return None if answer.data is None else {row[id_name]: row["name"] for row in answer.data[member]}


def _chosen(text: str, found: Mapping[str, str | None]) -> str | None:
    """The one that is meant for sure: by its id, by its whole name, or because no other has the text in its name."""
    if text in found:
        return text
    same = [known_id for known_id, name in found.items() if text.casefold() in (known_id.casefold(), _folded(name))]
    if len(same) == 1:
        return same[0]
    return next(iter(found)) if len(found) == 1 and not _ID.fullmatch(text) else None


def _folded(name: str | None) -> str:
    return (name or "").casefold()


def _which(kind: str, found: Mapping[str, str | None]) -> str:
    if not found:
        return f"No {kind} has this in the name or the id. Look it up in the list, or type the id."
    offered = ", ".join(f"{name} ({known_id})" if name else known_id for known_id, name in [*found.items()][:NEAR_MAX])
    return f"Several have this name: type the id of one. {offered}{' and more' if len(found) > NEAR_MAX else ''}."
