"""A person without a mouse: every step is made with Tab, typing and Enter, and steps are counted."""

import re
from typing import Final, Literal

from playwright.sync_api import Locator, Page, expect

STEPS_MAX: Final = 5
"""In so many steps a question must be answered."""

TABS_MAX: Final = 400
"""Focusable elements of the longest page; a list shows at most a hundred rows."""

Role = Literal["button", "link"]

_DRAWN: Final = ("date", "datetime-local", "time")
"""Fields that the browser draws, and that take what is typed by the rules of its language."""

_FOCUSED: Final = "element => element === document.activeElement"


class Keyboard:
    """Works on a page with the keyboard alone.

    A step activates a link or a button; what is typed before belongs to the step that submits it.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self.steps = 0

    def follow(self, link: str, *, inside: str = "body", shows: str) -> None:
        """Activates the link of this name. `inside`: what holds it, as a selector; `shows`: what is to be seen then."""
        self._activate("link", link, inside, shows)

    def press(self, button: str, *, inside: str = "body", shows: str) -> None:
        """Activates the button of this name, which submits its form."""
        self._activate("button", button, inside, shows)

    def unfold(self, summary: str) -> None:
        """Unfolds the details of this summary."""
        folded = self._page.locator("summary").filter(has_text=summary).first
        self._reach(folded)
        self._count(summary)
        self._page.keyboard.press("Enter")

    def type(self, label: str, text: str, *, inside: str = "main") -> None:
        """Fills the field of this label. `inside`: the element that holds it, as a selector."""
        field = self._page.locator(inside).get_by_label(re.compile(rf"^\s*{re.escape(label)}\s*(optional)?\s*$")).first
        self._reach(field)
        if field.evaluate("element => element.type") in _DRAWN:
            field.fill(text)
        else:
            self._page.keyboard.press("ControlOrMeta+a")
            self._page.keyboard.type(text)

    def _activate(self, role: Role, name: str, inside: str, shows: str) -> None:
        self._reach(self._page.locator(inside).get_by_role(role, name=name).first)
        before = self._page.get_by_text(shows).count()
        assert before == 0, f"{shows!r} is seen before the step, so it proves nothing"
        self._count(name)
        self._page.keyboard.press("Enter")
        expect(self._page.get_by_text(shows).first).to_be_visible()

    def _count(self, name: str) -> None:
        self.steps += 1
        assert self.steps <= STEPS_MAX, f"{name!r} would be step {self.steps}"

    def _reach(self, target: Locator) -> None:
        """Moves the focus to the element with Tab, as somebody who sees where it is."""
        expect(target).to_be_visible()
        element = target.element_handle()
        for _ in range(TABS_MAX):
            if element.evaluate(_FOCUSED):
                return
            self._page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {target}")
