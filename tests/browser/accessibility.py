"""What axe-core finds wrong with a page, by the rules of WCAG 2.2, level AA."""

from collections.abc import Mapping
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no stubs
from playwright.sync_api import Page

RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}

OF_A_THEME: Final = {**RULES, "runOnly": ["color-contrast"]}
"""The rules by which one theme can violate what the other does not: the rest is the same document."""

_axe: Final = Axe()


def violations(page: Page, rules: Mapping[str, Any] = RULES) -> list[str]:
    """One sentence for each violation: the rule, what it asks, and where."""
    found: dict[str, Any] = _axe.run(page, options=dict(rules)).response
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]} ({node['failureSummary'][:200]})"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]
