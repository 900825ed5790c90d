"""What a mapping makes of a row, and what it refuses."""

from pathlib import Path
from typing import Any, Final

import pytest

from services.cli.imports.mapping import ImportMapping, MappedFact, MappingError, load_mapping
from services.cli.imports.table import RowProblem, TableRow, UnreadableTable

SCORE: Final = """
    [[fact]]
    path = "/certification/v1/exam-registrations/{registration_id}/attempts"
    [fact.values]
    registration_id = { column = "Booking" }
    attempt = { constant = 1 }
    score = { column = "Score", type = "decimal", decimal_mark = "," }
    effective_at = { column = "Taken", type = "instant"MORE }
"""


def mapping(text: str, directory: Path) -> ImportMapping:
    """The mapping in this text."""
    path = directory / "mapping.toml"
    path.write_text(text)
    return load_mapping(path)


def only(found: ImportMapping, **cells: str) -> MappedFact | RowProblem:
    """What the one fact of the mapping becomes of a row."""
    (fact,) = found.facts_of(TableRow(7, cells))
    return fact


def effective_at(taken: str, more: str, directory: Path) -> str:
    """When the fact is effective, or why that is not known."""
    fact = only(
        mapping(SCORE.replace("MORE", f", {more}" if more else ""), directory), Booking="B-1", Score="79,5", Taken=taken
    )
    return fact.sentence if isinstance(fact, RowProblem) else fact.effective_at.isoformat()


def test_a_row_becomes_the_call_that_the_mapping_says_whatever_its_order(tmp_path: Path) -> None:
    text = SCORE.replace("MORE", "")
    fact = only(mapping(text, tmp_path), Booking="B-1", Score="79,5", Taken="2026-01-05T11:30:00")
    assert isinstance(fact, MappedFact)
    assert fact.path == "/certification/v1/exam-registrations/B-1/attempts"
    assert fact.body == b'{"attempt":1,"effective_at":"2026-01-05T11:30:00Z","score":"79.5"}'
    *head, first, second, third, fourth = text.rstrip().splitlines()
    other = only(
        mapping("\n".join((*head, fourth, third, second, first)), tmp_path),
        Booking="B-1", Score="79,5", Taken="2026-01-05T11:30:00",
    )  # fmt: skip
    assert isinstance(other, MappedFact)
    assert (other.body, other.idempotency_key) == (fact.body, fact.idempotency_key)


@pytest.mark.parametrize(
    ("taken", "more", "expected"),
    [
        ("2026-07-05T11:30:00", "", "2026-07-05T10:30:00+00:00"),
        ("2026-07-05T11:30:00+05:00", "", "2026-07-05T06:30:00+00:00"),
        ("2026-07-05T11:30:00", 'zone = "UTC"', "2026-07-05T11:30:00+00:00"),
        ("05/07/2026", 'format = "%d/%m/%Y", time = 17:30:00', "2026-07-05T16:30:00+00:00"),
        ("05/07/2026", 'format = "%d/%m/%Y"', "has no time of day"),
        ("2026-03-29T01:30:00", "", "does not exist in London"),
        ("2026-03-29T01:30:00", 'nonexistent = "later"', "2026-03-29T01:30:00+00:00"),
        ("2026-03-29T01:30:00", 'nonexistent = "earlier"', "2026-03-29T00:30:00+00:00"),
        ("2026-10-25T01:30:00", "", "exists twice in London"),
        ("2026-10-25T01:30:00", 'repeated = "earlier"', "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T01:30:00", 'repeated = "later"', "2026-10-25T01:30:00+00:00"),
        ("2026-10-25T01:30:00", 'nonexistent = "later"', "exists twice in London"),
        ("0001-01-01T00:00:00+23:00", "", "is too far away"),
    ],
)
def test_local_times_of_london_are_instants(taken: str, more: str, expected: str, tmp_path: Path) -> None:
    assert expected in effective_at(taken, more, tmp_path)


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"Booking": "B 1"}, "registration_id: 'B 1' is not an id"),
        ({"Booking": ""}, "registration_id: column Booking is empty"),
        ({"Booking": "=1+1"}, "holds a formula, '=1+1': export values"),
        ({"Score": "79.5"}, "score: '79.5' is not a number such as 79,5"),
        ({"Score": "x" * 500}, "score: 'xxx"),
    ],
)
def test_a_cell_that_is_not_as_the_mapping_says_is_refused_in_a_sentence(
    cells: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    found = mapping(SCORE.replace("MORE", ""), tmp_path)
    problem = only(found, **({"Booking": "B-1", "Score": "79", "Taken": "2026-01-05T11:30:00"} | cells))
    assert isinstance(problem, RowProblem)
    assert problem[0] == 7
    assert sentence in problem.sentence
    assert len(problem.sentence) < 300


def test_all_faults_of_a_row_are_named_at_once(tmp_path: Path) -> None:
    problem = only(mapping(SCORE.replace("MORE", ""), tmp_path), Booking="?", Score="a", Taken="b")
    assert isinstance(problem, RowProblem)
    assert all(name in problem.sentence for name in ("registration_id", "score", "effective_at"))


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        ("[[fact]]", "[[fact", "cannot be used"),
        ("column = \"Score\"", "colum = \"Score\"", "fact 1.values.score: 'colum' means nothing here: perhaps column"),
        ("type = \"instant\"", "type = \"instnat\"", "effective_at.type: 'instnat' means nothing here: perhaps"),
        ("[fact.values]", "[file]\ndelimiter = ';;'\n[fact.values]", "';;' is not one character"),
        ("[[fact]]", "[file]\nencoding = 'cp1252'\n[[fact]]", "there is iso-8859-1, utf-16, utf-8, windows-1252"),
        ("attempt = { constant = 1 }", "attempt = { }", "a value has either column or constant"),
        ("{registration_id}", "{booking}", "names no value {booking}"),
        ("/certification/v1/exam", "/compliance/v1/exam", "path begins with /certification/v1/"),
        ("type = \"instant\"", "type = \"day\"", "effective_at is a value of type"),
        ("type = \"instant\"", "type = \"instant\", format = \"%Q\"", "format '%Q' cannot be used"),
        ("type = \"instant\"", "type = \"instant\", format = \"%d/%d/%Y\"", "names a part of it twice: '%d/%d/%Y'"),
        ("attempt = { constant = 1 }", f"attempt = {{ constant = {2**70} }}", "constant has at most 18 digits"),
        ("attempt = { constant = 1 }", f"attempt = {'[' * 10_000}", "it nests too deeply"),
        ("attempt = { constant = 1 }", f"attempt{'.a' * 50_000} = 1", "it nests too deeply"),
        ("attempt = { constant = 1 }", f"attempt = {{ constant = '{'x' * 300_000}' }}", "longer than 262,144 bytes"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_meant_is_refused(was: str, now: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(MappingError) as refused:
        mapping(SCORE.replace("MORE", "").replace(was, now), tmp_path)
    assert sentence in refused.value.message


def test_all_faults_of_a_mapping_are_named_at_once(tmp_path: Path) -> None:
    faulty = SCORE.replace("MORE", "").replace("column", "colum").replace("path =", "pth =")
    with pytest.raises(MappingError) as refused:
        mapping(faulty, tmp_path)
    assert refused.value.message.count("perhaps column is meant") == 3
    assert "'pth' means nothing here: perhaps path is meant" in refused.value.message
    (tmp_path / "mapping.toml").write_bytes("# Prüfung".encode("cp1252"))
    with pytest.raises(MappingError, match="not written in utf-8"):
        load_mapping(tmp_path / "mapping.toml")


def test_a_table_without_a_column_of_the_mapping_is_refused(tmp_path: Path) -> None:
    found = mapping(SCORE.replace("MORE", ""), tmp_path)
    columns: Any = ["Booking", "Score"]
    with pytest.raises(UnreadableTable, match="no column Taken"):
        found.require_columns(columns)
    with pytest.raises(UnreadableTable, match='write delimiter = ";" in'):
        found.require_columns(["Booking;Score;Taken"])
    with pytest.raises(UnreadableTable, match="several columns Score"):
        found.require_columns([*columns, "Taken", "Score"])
