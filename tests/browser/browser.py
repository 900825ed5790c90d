"""Chromium as the distribution packages it, driven by Playwright; nothing is downloaded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import msgspec
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, sync_playwright

from tests.temporary_directory import temporary_directory

CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The browser of this machine; None: there is none, and the tests are skipped."""

MISSING: Final = "no Chromium is installed here: on Debian and Ubuntu it is the package chromium"

WIDTH: Final = 1440
HEIGHT: Final = 900

_ARGUMENTS: Final = (
    "--no-sandbox",  # root may not use Chromium's own; the tests load nothing but this system
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)
SECONDS_MAX: Final = 10
"""How long a page may take to show what a test waits for."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, with a home of its own. An asyncio loop runs in this thread while the context lasts."""
    with temporary_directory("sagecert-chromium-") as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=list(_ARGUMENTS),
            env={"HOME": str(home), "PATH": "/usr/bin:/bin", "TZ": "UTC"},
        )
        try:
            yield browser
        finally:
            browser.close()


class Visit(msgspec.Struct, frozen=True):
    """A person's browser on the console: `page`, and what it must not do, as it happens."""

    page: Page
    origin: str
    elsewhere: list[str]
    errors: list[str]

    def open(self, path: str) -> Page:
        """The page at this path. Raises `AssertionError` unless it is answered without an error."""
        answer = self.page.goto(self.origin + path)
        assert answer is not None, f"{path} is not answered"
        assert answer.ok, f"{path} is answered {answer.status}"
        return self.page

    def check(self) -> None:
        """Raises `AssertionError` if a request left the origin, or a script or the content security policy failed."""
        assert self.elsewhere == []
        assert self.errors == []


@contextmanager
def visit(
    browser: Browser,
    origin: str,
    *,
    javascript: bool = True,
    theme: Literal["dark", "light"] = "light",
    width: int = WIDTH,
    height: int = HEIGHT,
) -> Iterator[Visit]:
    """A fresh visitor, who knows no cookie; checked at the end of the context."""
    context = browser.new_context(
        base_url=origin,
        java_script_enabled=javascript,
        color_scheme=theme,
        viewport={"width": width, "height": height},
        locale="en-GB",
        reduced_motion="reduce",
    )
    context.set_default_timeout(SECONDS_MAX * 1000)
    try:
        visited = Visit(context.new_page(), origin, [], [])
        _watch(context, visited)
        yield visited
        visited.check()
    finally:
        context.close()


def _watch(context: BrowserContext, visited: Visit) -> None:
    def noted(message: ConsoleMessage) -> None:
        if message.type == "error":
            visited.errors.append(message.text)

    def failed(error: Error) -> None:
        visited.errors.append(str(error))

    context.on("console", noted)
    context.on("weberror", lambda error: failed(error.error))
    context.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((visited.origin + "/", "data:", "blob:"))
            else visited.elsewhere.append(request.url)
        ),
    )
