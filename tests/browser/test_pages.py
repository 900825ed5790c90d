"""Every page: accessible in both themes, within a telephone's width, and nothing from elsewhere."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.accessibility import faults
from tests.browser.addresses import ADDRESSES, ids, page_routes, served
from tests.browser.browser import Visit, visit
from tests.systems import System


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
    assert faults(reader.open(address.format(**known))) == []
    reader.check()
