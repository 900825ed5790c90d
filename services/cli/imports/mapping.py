"""A mapping, written as TOML: which facts the rows of a table become."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import click
import msgspec

from services.cli.imports.mapped_values import ValueMapping, ValueRefused, shown
from services.cli.imports.mapping_spelling import misspelt
from services.cli.imports.table import RowProblem, TableRow, UnreadableTable

PATH_PREFIX: Final = "/certification/v1/"
MAPPING_BYTES_MAX: Final = 1 << 18
_POINTS_MAX: Final = 500
"""In one line. The parser takes a time that grows with the square of the parts of a key."""
LINE_BYTES_MAX: Final = (128 << 10) - 100
"""What the line of a batch may have, but for the names of its members."""
FACTS_MAX: Final = 20
"""Facts that one row can become."""

_FAULTS_SHOWN_MAX: Final = 10
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z0-9_]*)\}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY: Final = re.compile(r"[\x21-\x7E]{1,255}")

Encoding = Literal["utf-8", "utf-16", "windows-1252", "iso-8859-1"]


class MappingError(click.ClickException):
    """The mapping cannot be used. The message says what is wrong with it."""


class FileFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a text file is written. `delimiter`: of a CSV file, one character."""

    encoding: Encoding = "utf-8"
    delimiter: str = ","

    def faults(self) -> Iterator[str]:
        """What a file cannot be written like."""
        if len(self.delimiter) != 1 or self.delimiter in '\r\n"\0':
            yield f"file.delimiter: {shown(self.delimiter)} is not one character that separates columns"


class FactMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fact that a row becomes.

    `path`: of the single call; `{name}` stands for a value. `values`: by name; those that the path does not take are
    the members of the body. `idempotency_key`: a template, too; without one it is a hash of path and body.
    `where`: only rows whose column has one of these texts. `present`: only rows in which these columns are not empty.
    """

    path: str
    values: dict[str, ValueMapping]
    idempotency_key: str | None = None
    where: dict[str, list[str]] = {}
    present: list[str] = []

    def matches(self, row: TableRow) -> bool:
        """Whether the row becomes this fact."""
        return all(row.text(column) for column in self.present) and all(
            row.text(column) in texts for column, texts in self.where.items()
        )

    def columns(self) -> Iterator[str]:
        """The columns that it reads."""
        yield from self.where
        yield from self.present
        yield from (value.column for value in self.values.values() if value.column is not None)


class MappedFact(NamedTuple):
    """One fact of a row, as a line of a batch has it.

    `row`: the number of the row; `fact`: which fact of the mapping, from 1. `body`: its JSON, with members in the order
    of their names, so that the same row always gives the same bytes. `values`: all by name, those of the path included.
    """

    row: int
    fact: int
    path: str
    idempotency_key: str
    body: bytes
    effective_at: datetime
    values: Mapping[str, Any]


class ImportMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole mapping. Facts of one row come in the order of the mapping."""

    fact: Annotated[list[FactMapping], msgspec.Meta(min_length=1, max_length=FACTS_MAX)]
    file: FileFormat = FileFormat()

    def columns(self) -> list[str]:
        """The columns that it reads, each once."""
        return list(dict.fromkeys(column for fact in self.fact for column in fact.columns()))

    def require_columns(self, columns: Sequence[str]) -> None:
        """Raises `UnreadableTable` unless the table has each column that is named, once."""
        wanted = self.columns()
        shown = ", ".join(columns[:20]) + (" and others" if len(columns) > 20 else "")
        missing = [column for column in wanted if column not in columns]
        if missing:
            raise UnreadableTable(
                f"The table has no column {', '.join(missing)}; it has {shown}.{self._delimiter_meant(columns)}"
            )
        doubled = [column for column in wanted if columns.count(column) > 1]
        if doubled:
            raise UnreadableTable(f"The table has several columns {', '.join(doubled)}: give each column its own name.")

    def _delimiter_meant(self, columns: Sequence[str]) -> str:
        """Advice where a header is one column, because it is separated by another sign."""
        signs = {";": '";"', "\t": '"\\t"', "|": '"|"', ",": '","'}
        found = [written for sign, written in signs.items() if len(columns) == 1 and sign in columns[0]]
        return f" The columns may be separated otherwise: write delimiter = {found[0]} in [file]." if found else ""

    def facts_of(self, row: TableRow) -> Iterator[MappedFact | RowProblem]:
        """The facts that the row becomes, and a problem for each that it should become and cannot."""
        for number, fact in enumerate(self.fact, start=1):
            if fact.matches(row):
                yield _mapped(row, number, fact)


def load_mapping(path: Path) -> ImportMapping:
    """The mapping in a TOML file. Raises `MappingError`, which names every fault of its kind."""
    try:
        with path.open("rb") as file:
            content = file.read(MAPPING_BYTES_MAX + 1)
    except OSError as problem:
        raise MappingError(f"The mapping {path} cannot be read: {problem.strerror}.") from problem
    if len(content) > MAPPING_BYTES_MAX:
        raise MappingError(f"The mapping {path} is longer than {MAPPING_BYTES_MAX:,} bytes.")
    if any(line.count(b".") > _POINTS_MAX for line in content.splitlines()):
        raise MappingError(f"The mapping {path} cannot be used: it nests too deeply.")
    try:
        document = msgspec.toml.decode(content)
        faults = list(misspelt(ImportMapping, document))
        if not faults:
            mapping = msgspec.convert(document, ImportMapping)
            faults = [
                *mapping.file.faults(),
                *(
                    f"fact {number}: {sentence}"
                    for number, fact in enumerate(mapping.fact, start=1)
                    for sentence in _faults(fact)
                ),
            ]
    except UnicodeDecodeError:
        raise MappingError(f"The mapping {path} cannot be used: it is not written in utf-8.") from None
    except RecursionError:
        raise MappingError(f"The mapping {path} cannot be used: it nests too deeply.") from None
    except (msgspec.DecodeError, ValueError) as problem:
        raise MappingError(f"The mapping {path} cannot be used: {problem}.") from None
    if faults:
        shown_faults = "; ".join(faults[:_FAULTS_SHOWN_MAX])
        raise MappingError(f"The mapping {path} cannot be used: {shown_faults}.")
    return mapping


def _faults(fact: FactMapping) -> Iterator[str]:
    """The faults of one fact of a mapping."""
    if not fact.path.startswith(PATH_PREFIX):
        yield f"path begins with {PATH_PREFIX}, as the call that records one fact"
    for template in (fact.path, fact.idempotency_key or ""):
        unknown = [name for name in _PLACEHOLDER.findall(template) if name not in fact.values]
        if unknown or "{" in _PLACEHOLDER.sub("", template):
            yield f"{shown(template)} names no value {{{', '.join(unknown)[:80]}}} of [fact.values]"
    for name, value in fact.values.items():
        fault = value.fault()
        if fault is not None:
            yield f"{name}: {fault}"
    effective_at = fact.values.get("effective_at")
    if effective_at is None or effective_at.type != "instant" or effective_at.optional:
        yield 'effective_at is a value of type = "instant" that is never left out: facts are sent in its order'
    optional = [name for name in _PLACEHOLDER.findall(fact.path) if name in fact.values and fact.values[name].optional]
    if optional:
        yield f"{optional[0]} is part of the path and cannot be optional"


def _mapped(row: TableRow, number: int, fact: FactMapping) -> MappedFact | RowProblem:
    values: dict[str, Any] = {}
    problems = []
    for name, value in fact.values.items():
        try:
            mapped = value.read(row)
        except ValueRefused as refused:
            problems.append(f"{name}: {refused}")
            continue
        if mapped is not None:
            values[name] = mapped
    in_path = _PLACEHOLDER.findall(fact.path)
    problems += [
        f"{name}: {shown(str(values[name]))} is not an id of 1 to 64 letters, digits, _ and -"
        for name in in_path
        if name in values and not _ID.fullmatch(str(values[name]))
    ]
    if problems:
        return RowProblem(row.number, "; ".join(problems) + ".", number)
    texts = {name: _text(value) for name, value in values.items()}
    path = _filled(fact.path, texts)
    members = {name: values[name] for name in sorted(values) if name not in in_path and fact.values[name].in_body}
    body = msgspec.json.encode(members)
    key = _key_of(path, body) if fact.idempotency_key is None else _filled(fact.idempotency_key, texts)
    if len(path) + len(body) + len(key) > LINE_BYTES_MAX:
        return RowProblem(row.number, f"The fact has more than {LINE_BYTES_MAX:,} bytes.", number)
    if not _KEY.fullmatch(key):
        return RowProblem(
            row.number, f"The idempotency key {shown(key)} is not 1 to 255 visible ASCII characters.", number
        )
    return MappedFact(row.number, number, path, key, body, values["effective_at"], values)


def _filled(template: str, texts: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: texts.get(match[1], ""), template)


def _text(value: Any) -> str:
    text = msgspec.to_builtins(value)
    return text if isinstance(text, str) else msgspec.json.encode(value).decode()


def _key_of(path: str, body: bytes) -> str:
    return f"import-{blake2b(path.encode() + b' ' + body, digest_size=16).hexdigest()}"
