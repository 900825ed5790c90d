"""Every page: accessible in both themes, within a telephone's width, and nothing from elsewhere."""

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser

from tests.browser.accessibility import OF_A_THEME, violations
from tests.browser.addresses import ADDRESSES, ids, page_routes, served
from tests.browser.browser import HEIGHT, WIDTH, Visit, visit
from tests.systems import System

TELEPHONE: Final = 360


@pytest.fixture(scope="module")
def known(story: System) -> dict[str, str]:
    return ids(story)


@pytest.fixture(scope="module")
def reader(browser: Browser, story: System) -> Iterator[Visit]:
    with visit(browser, story.url) as visited:
        yield visited


def test_every_page_has_an_address_here() -> None:
    paths = [address.partition("?")[0] for address in ADDRESSES]
    assert [route.path for route in page_routes() if not any(map(route.path_regex.match, paths))] == []


@pytest.mark.parametrize("address", served())
def test_a_page_violates_nothing_of_wcag_2_2_aa_and_fits_a_telephone(
    reader: Visit, known: dict[str, str], address: str
) -> None:
    page = reader.open(address.format(**known))
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, OF_A_THEME) == []
    page.set_viewport_size({"width": TELEPHONE, "height": HEIGHT})
    assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.emulate_media(color_scheme="light")
    reader.check()
