"""Stored markup, formulas, right-to-left and endless names are shown as they are, and do nothing."""

import csv
import io

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.browser import Visit, visit
from tests.browser.conftest import HOSTILE_NAMES
from tests.systems import System


@pytest.mark.parametrize("partner_id", HOSTILE_NAMES)
def test_a_hostile_name_is_text(visitor: Visit, partner_id: str) -> None:
    name = HOSTILE_NAMES[partner_id]
    for address in (f"/partners/{partner_id}", f"/partners?q={partner_id}", f"/log?q={partner_id}"):
        page = visitor.open(address)
        assert page.evaluate("window.harmed") is None
        assert page.locator("main script, main img").count() == 0
    page = visitor.open(f"/partners/{partner_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_endless_words_fit_a_telephone(browser: Browser, story: System) -> None:
    change = {"portal_change_id": "endless", "products": ["S200P"], "significant": False, "due_on": "2027-03-01"}
    assert story.record("portal-changes", "endless-change", summary="Endless" * 28, **change).status_code == 201
    named = story.http.put("/certification/v1/consultants/endless-one/profile", json={"name": "x" * 200, "email": "-"})
    assert named.status_code == 200
    assert story.record("partners/endless/consultants", "endless-link", consultant_id="endless-one").status_code == 201
    with visit(browser, story.url, width=360) as visited:
        for address in (
            "portal-changes/endless",
            "partners/endless",
            "partners/endless/proof/S200P",
            "people/endless-one",
        ):
            page = visited.open(f"/{address}")
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
                address
            )


def test_no_cell_of_a_table_is_a_formula(story: System) -> None:
    table = story.http.get("/data/compliance/v1/partners.csv").text
    cells = [cell for row in csv.reader(io.StringIO(table.lstrip("\ufeff"))) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
