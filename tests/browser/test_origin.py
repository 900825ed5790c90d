"""No request of a page leaves the origin, and no page breaks its own content security policy."""

import pytest

from tests.browser.browser import Visit

PAGES = ["/docs"]


@pytest.mark.parametrize("path", PAGES)
def test_no_request_leaves_the_origin(visitor: Visit, path: str) -> None:
    visitor.open(path)
    visitor.page.wait_for_load_state("networkidle")
    visitor.check()
