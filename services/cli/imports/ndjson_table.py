"""NDJSON files: a line is a JSON object, whose members are the cells of a row."""

import json
from collections.abc import Callable, Collection, Iterator
from typing import Any, BinaryIO, Final

from services.cli.imports.table import Cell, RowProblem, TableRow, UnreadableTable
from services.cli.imports.text_lines import read_lines

MEMBERS_MAX: Final = 1_000


def read_ndjson(
    file: BinaryIO, encoding: str, columns: Collection[str], on_read: Callable[[int], None]
) -> Iterator[TableRow | RowProblem]:
    """A row for each line that is not empty, with the members that `columns` names; numbers stay as they are written.

    Raises `UnreadableTable`.
    """
    for number, line in enumerate(read_lines(file, encoding, on_read), start=1):
        if line.strip() == "[":
            raise UnreadableTable(f"Line {number:,} begins an array: write one object a line, and nothing around them.")
        if line.strip():
            yield _row(number, line, columns)


def _row(number: int, line: str, columns: Collection[str]) -> TableRow | RowProblem:
    try:
        members = json.loads(
            line, parse_float=str, parse_int=str, parse_constant=_no_number, object_pairs_hook=_distinct
        )
    except RecursionError:
        return RowProblem(number, "The line nests too deeply.")
    except json.JSONDecodeError as problem:
        return RowProblem(number, f"The line is not a JSON object: {problem.msg}, at character {problem.pos + 1}.")
    except ValueError as problem:
        return RowProblem(number, f"The line is not a JSON object: {problem}.")
    if not isinstance(members, dict):
        return RowProblem(number, "The line is not a JSON object, but another value.")
    if len(members) > MEMBERS_MAX:
        return RowProblem(number, f"The object has {len(members):,} members, and a row at most {MEMBERS_MAX:,}.")
    try:
        return TableRow(number, {name: _cell(name, members[name]) for name in columns if name in members})
    except ValueError as problem:
        return RowProblem(number, f"{problem}.")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is named twice")
    return members


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _cell(name: str, value: Any) -> Cell:
    """Raises `ValueError` for a nested object (a mapping names members of the line only), and for what is not text."""
    match value:
        case None:
            return ""
        case True | False:
            return "true" if value else "false"
        case str():
            if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
                raise ValueError(
                    f"Member {name} holds half of a character: an escape such as \\ud83d without its other half"
                )
            return value.strip()
        case list():
            return tuple(str(_cell(name, part)) for part in value)
        case _:
            raise ValueError(f"Member {name} holds an object: a mapping reads texts, numbers and lists of them")
