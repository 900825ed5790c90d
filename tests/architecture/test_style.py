"""What the linters do not know: lengths, purity, names."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from tests.architecture.for_each import for_each
from tests.architecture.sources import PRODUCT, PURE, python_files, source, tree

FUNCTION_LINES_MAX: Final = 69
FILE_LINES_MAX: Final = 400
WRITTEN: Final = tuple(f"packages/sagecert-client/src/sagecert_client/{part}/" for part in ("calls", "types"))
"""Files that a command writes: as long as the OpenAPI documents make them."""
TEST_FILE_LINES_MAX: Final = 600
STATEMENT_LINES_MAX: Final = 10
SQL: Final = re.compile(
    r"\b(?:SELECT .* FROM|INSERT INTO|DELETE FROM|UPDATE \w+(?:\.\w+)?(?: \w+)? SET|SELECT \w+\()", re.DOTALL
)

ALL: Final = python_files("services/", "shared/", "packages/", "tests/", "benchmarks/")
SAYS_NOTHING: Final = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}

IMPURE_MODULES: Final = {
    *("asyncio", "concurrent", "logging", "multiprocessing", "os", "random", "secrets", "shutil", "socket"),
    *("subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid"),
}
IMPURE_CALLS: Final = {"now", "today", "utcnow", "fromtimestamp", "getenv", "open", "print", "input"}
READS_FILES_ON_PURPOSE: Final = {
    "shared/events/schemas/__main__.py",  # a command: compares and writes files
    "shared/events/london.py",  # the time zone, from a pinned package, once at import
}

ONE_NAME_FOR_ONE_THING: Final = {
    "created_at": "recorded_at (when the system learned it)",
    "inserted_at": "recorded_at (when the system learned it)",
    "occurred_at": "effective_at (when it was true in the world)",
    "valid_at": "at (the instant that is asked about)",
    "employee": "consultant",
    "employee_id": "consultant_id",
    "reseller": "partner",
    "reseller_id": "partner_id",
    "exam_id": "registration_id",
    "event_offset": "position",
    "min_count": "minimum",
}

AMERICAN: Final = re.compile(
    r"\b\w*(?:authorize|authorizing|behavior|color|normaliz|organiz|recogniz|summariz)\w*", re.IGNORECASE
)
NOTHING_INHERITED: Final = {"msgspec.Struct", "NamedTuple", "Exception"}
"""Bases whose subclasses have only methods of their own to explain."""


def functions(path: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@for_each(ALL)
def test_functions_fit_on_a_page(path: str) -> None:
    long = {
        function.name: lines
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert not long or path.startswith(WRITTEN), f"more than {FUNCTION_LINES_MAX} lines: {long}"


@for_each(ALL)
def test_a_file_has_one_job(path: str) -> None:
    lines_max = TEST_FILE_LINES_MAX if path.startswith("tests/") else FILE_LINES_MAX
    lines = len(source(path).splitlines())
    assert lines <= lines_max or path.startswith(WRITTEN), (
        f"{lines} lines, more than {lines_max}: does it still have one job?"
    )


@for_each(ALL)
def test_a_file_is_named_after_what_is_in_it(path: str) -> None:
    assert not SAYS_NOTHING & set(PurePath(path).with_suffix("").parts)


@for_each(python_files(*PRODUCT))
def test_what_is_public_says_what_it_means(path: str) -> None:
    silent = list(_without_docstring(tree(path)))
    assert not silent, f"no docstring: {silent}"


def _without_docstring(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not child.name.startswith("_"):
            if not ast.get_docstring(child) and not _overloads(child):
                yield child.name
            if isinstance(child, ast.ClassDef) and {ast.unparse(base) for base in child.bases} <= NOTHING_INHERITED:
                yield from _without_docstring(child)


def _overloads(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(decorator, ast.Name) and decorator.id in {"overload", "override"} for decorator in decorators)


@for_each([path for path in python_files(*PURE) if path not in READS_FILES_ON_PURPOSE])
def test_what_decides_knows_no_clock_and_no_environment(path: str) -> None:
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree(path))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    # `from datetime import time` is the time of a day, not the module.
    assert not imported & IMPURE_MODULES
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    }
    assert not called & IMPURE_CALLS


@for_each(python_files(*PURE))
def test_what_decides_never_counts_in_floats(path: str) -> None:
    """Scores are exact decimals (R6) and instants are exact: no float literal, no `float`."""
    floats = [
        node.lineno
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert not floats


@for_each(python_files(*PRODUCT))
def test_one_thing_has_one_name(path: str) -> None:
    names = {
        name
        for node in ast.walk(tree(path))
        for name in (getattr(node, "id", None), getattr(node, "arg", None), getattr(node, "name", None))
        if isinstance(name, str)
    }
    wrong = {name: ONE_NAME_FOR_ONE_THING[name] for name in names & ONE_NAME_FOR_ONE_THING.keys()}
    assert not wrong, f"use the word of docs/rules.md: {wrong}"


@for_each(python_files(*PRODUCT))
def test_the_domain_is_spelt_in_british_english(path: str) -> None:
    assert not set(AMERICAN.findall(source(path)))


@for_each(python_files("services/"))
def test_a_long_statement_lies_in_a_sql_file(path: str) -> None:
    """And none in an API: what answers over HTTP asks a module that owns its statements."""
    statements = {
        node.lineno: (node.end_lineno or node.lineno) - node.lineno - 1
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant | ast.JoinedStr) and SQL.search(_text(node))
    }
    assert not {line: lines for line, lines in statements.items() if lines > STATEMENT_LINES_MAX}
    assert "/api/" not in path or not statements


@for_each(python_files(*PRODUCT))
def test_a_loop_variable_is_a_noun(path: str) -> None:
    """Neither `one` nor `each`."""
    targets = [
        node.target for node in ast.walk(tree(path)) if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension)
    ]
    assert not {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)} & {
        "one",
        "each",
    }


def _text(node: ast.AST) -> str:
    """The text of a string, whatever stands in its braces."""
    if isinstance(node, ast.JoinedStr):
        return "x".join(map(_text, node.values))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
