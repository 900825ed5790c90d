"""What is wrong with a page: by the rules of WCAG 2.2, level AA, in both themes, and on a telephone."""

from collections.abc import Mapping
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no stubs
from playwright.sync_api import Page

from tests.browser.browser import HEIGHT, WIDTH

TELEPHONE: Final = 360
"""The width of a telephone."""

RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}

OF_A_THEME: Final = {**RULES, "runOnly": ["color-contrast"]}
"""The rules by which one theme can violate what the other does not: the rest is the same document."""

_axe: Final = Axe()


def faults(page: Page) -> list[str]:
    """What is wrong with the page in the light or the dark theme, or wider than a telephone."""
    found = _violations(page, RULES)
    page.emulate_media(color_scheme="dark")
    found += _violations(page, OF_A_THEME)
    page.set_viewport_size({"width": TELEPHONE, "height": HEIGHT})
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > TELEPHONE:
        found.append(f"at {TELEPHONE} px it is {width} px wide")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.emulate_media(color_scheme="light")
    return found


def _violations(page: Page, rules: Mapping[str, Any]) -> list[str]:
    """One sentence for each violation: the rule, what it asks, and where."""
    found: dict[str, Any] = _axe.run(page, options=dict(rules)).response
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]} ({node['failureSummary'][:200]})"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]
