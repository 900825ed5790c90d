"""Cells of a table: what a spreadsheet would take for something else, and that no text is lost."""

import csv
from datetime import date, datetime
from io import StringIO

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.web.csv_table import BYTE_ORDER_MARK, Table, safe


class Reason(msgspec.Struct):
    rule: str
    text: str


class Row(msgspec.Struct):
    id: str
    reason: Reason | None
    since: datetime | None
    due_on: date
    people: int
    lacks: tuple[str, ...]
    windows: tuple[dict[str, str], ...]
    certified: bool


FULL = {
    "id": "007",
    "reason": {"rule": "R19", "text": '=1+1 "and"\nmore; ü'},
    "since": "2022-03-01T09:00:00Z",
    "due_on": "2022-03-31",
    "people": 2,
    "lacks": ["course", "pass"],
    "windows": [{"outcome": "open"}],
    "certified": True,
}
EMPTY: dict[str, object] = {**dict.fromkeys(FULL), "lacks": [], "windows": []}


def test_a_table_has_a_column_for_each_field_and_is_what_rfc_4180_and_excel_expect() -> None:
    table = Table(Row)
    written = table.head() + table.lines([FULL, EMPTY])
    assert written.startswith(BYTE_ORDER_MARK)
    assert written.endswith(b"\r\n")
    head, full, empty = csv.reader(StringIO(written.decode("utf-8-sig"), newline=""))
    assert head == ["id", "reason_rule", "reason_text", "since", "due_on", "people", "lacks", "windows", "certified"]
    text = '\'=1+1 "and"\nmore; ü'
    listed = '[{"outcome":"open"}]'
    assert full == ["'007", "R19", text, "2022-03-01T09:00:00Z", "2022-03-31", "2", "course pass", listed, "true"]
    assert empty == [""] * 9


def test_other_members_and_plain_values_have_a_column_too() -> None:
    assert Table(("kind",), rest="details").lines([{"kind": "fact", "n": 1}]) == b'"fact","{""n"":1}"\r\n'
    assert Table(("partner_id",)).lines(["P1", "-P2"]) == b'"P1"\r\n"\'-P2"\r\n'


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        " =1",
        "+44",
        "-P1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "＝1",
        "'x",
        "007",
        "1E5",
        "2021-08",
        "1" * 16,
        "MAR1",
        "12:30",
    ],
)
def test_text_that_a_spreadsheet_takes_for_something_else_has_an_apostrophe_in_front(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "S200P", "P-1", "P001", "12", "80.00", "May", "Ánna", "Marine Ltd 5", "a=b"])
def test_other_text_is_as_it_was(text: str) -> None:
    assert safe(text) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3))
def test_no_text_is_lost(texts: list[str]) -> None:
    written = Table(("text",)).lines({"text": text} for text in texts).decode()
    cells = [row[0] for row in csv.reader(StringIO(written, newline=""))]
    assert [cell.removeprefix("'") for cell in cells] == texts
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)
