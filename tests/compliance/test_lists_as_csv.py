"""Every list as a table: the whole of it in CSV, the same as its pages hold."""

import csv
from io import StringIO
from typing import Any

import httpx
import pytest

from services.web import lists_as_csv
from shared.events.wire import instant_text
from tests.compliance.asking import answer, ask
from tests.compliance.twelve_partners import LOSS, PARTNERS


def rows_of(table: httpx.Response) -> list[dict[str, str]]:
    assert table.status_code == 200, table.text
    assert table.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    return list(csv.DictReader(StringIO(table.content.decode("utf-8-sig"), newline="")))


async def rows_of_pages(client: httpx.AsyncClient, path: str, member: str, **question: Any) -> list[dict[str, Any]]:
    page = await answer(client, path, limit=5, **question)
    rows: list[dict[str, Any]] = page[member]
    while page["next"] is not None:
        page = await answer(client, path, limit=5, after=page["next"], **question)
        rows += page[member]
    return rows


def cell(value: object) -> str:
    return "" if value is None else str(value)


async def test_a_table_holds_what_the_pages_hold(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists_as_csv, "_ROWS_AT_ONCE", 2)
    for path, member, question in (
        ("partners", "partners", {}),
        ("partners", "partners", {"product": "S200P", "at": instant_text(LOSS)}),
        ("windows", "windows", {"status": "open"}),
        ("windows", "windows", {"known_at": instant_text(LOSS)}),
        ("facts-without-effect", "facts", {}),
        ("partners/P00/timeline", "entries", {}),
    ):
        pages = await rows_of_pages(client, path, member, **question)
        table = rows_of(await ask(client, f"{path}.csv", **question))
        assert len(table) == len(pages), path
        for row, listed in zip(table, pages, strict=True):
            plain = {name: cell(value) for name, value in listed.items() if not isinstance(value, dict | list)}
            assert {name: row[name].removeprefix("'") for name in plain if name in row} == {
                name: plain[name] for name in plain if name in row
            }
        by_accept = await client.get(path, params=question, headers={"accept": "text/csv"})
        assert rows_of(by_accept) == table
    assert len(table) > 5
    notified = rows_of(await ask(client, "portal-changes/CH1/notifications.csv"))
    assert [row["partner_id"] for row in notified] == PARTNERS
