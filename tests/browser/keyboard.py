"""A person without a mouse: every step is made with Tab, typing and Enter, and steps are counted."""

from typing import Final, Literal

from playwright.sync_api import Locator, Page, expect

STEPS_MAX: Final = 5
"""In so many steps a question must be answered."""

TABS_MAX: Final = 400
"""Focusable elements of the longest page; a list shows at most a hundred rows."""

Role = Literal["button", "link"]

_FOCUSED: Final = "element => element === document.activeElement"


class Keyboard:
    """Works on a page with the keyboard alone.

    A step activates a link or a button; what is typed before belongs to the step that submits it.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self.steps = 0

    def follow(self, link: str, *, inside: str | None = None, shows: str) -> None:
        """Activates the link of this name. `inside`: text of its row; `shows`: what is to be seen then."""
        self._activate("link", link, inside, shows)

    def press(self, button: str, *, inside: str | None = None, shows: str) -> None:
        """Activates the button of this name, which submits its form."""
        self._activate("button", button, inside, shows)

    def type(self, label: str, text: str) -> None:
        """Fills the field of this label."""
        field = self._page.get_by_label(label, exact=True).first
        self._reach(field)
        kind = field.evaluate("element => element.type")
        if kind in ("date", "datetime-local", "time", "select-one", "range"):
            self._set(field, text)
        else:
            self._page.keyboard.press("ControlOrMeta+a")
            self._page.keyboard.type(text)

    def _set(self, field: Locator, text: str) -> None:
        """A field that the browser draws takes what is typed by its own rules; selects take the beginning of a word."""
        if field.evaluate("element => element.type") == "select-one":
            self._page.keyboard.type(text)
        else:
            field.fill(text)

    def _activate(self, role: Role, name: str, inside: str | None, shows: str) -> None:
        within = self._page.locator("tr, li, article, section, form").filter(has_text=inside) if inside else self._page
        self._reach(within.get_by_role(role, name=name).last if inside else within.get_by_role(role, name=name).first)
        before = self._page.get_by_text(shows).count()
        assert before == 0, f"{shows!r} is seen before the step, so it proves nothing"
        self.steps += 1
        assert self.steps <= STEPS_MAX, f"{name!r} would be step {self.steps}"
        self._page.keyboard.press("Enter")
        expect(self._page.get_by_text(shows).first).to_be_visible()

    def _reach(self, target: Locator) -> None:
        """Moves the focus to the element with Tab, as somebody who sees where it is."""
        expect(target).to_be_visible()
        element = target.element_handle()
        for _ in range(TABS_MAX):
            if element.evaluate(_FOCUSED):
                return
            self._page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {target}")
