"""Makes the pictures of the README from the story of the demo, with the Chromium of this machine: make screenshots."""

import sys
from pathlib import Path
from typing import Final

from services.host.demo.seed import Caller, seed
from services.host.embedded_postgres.binaries import find_binaries
from tests.browser.browser import CHROMIUM, MISSING, chromium
from tests.browser.conftest import PRESENT
from tests.databases import clone, reachable_directory, start_server
from tests.systems import running_system

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
KNOWN: Final = "at=2026-11-21T12:00:00Z&known_at=2026-11-21T12:00:00Z"
PICTURES: Final = {
    "console-today.png": ("/", "light", 800),
    "console-partner.png": (f"/partners/cedar?{KNOWN}", "dark", 1180),
}
"""File name to address, theme and height."""


def main() -> None:
    """Exits with a sentence where there is no Chromium."""
    if CHROMIUM is None:
        sys.exit(MISSING)
    IMAGES.mkdir(exist_ok=True)
    with (
        reachable_directory() as directory,
        start_server(directory, find_binaries(), print, durable=False) as server,
    ):
        clone(server, "template1", "screenshots")
        with running_system(server.url(database="screenshots")) as system, chromium() as browser:
            seed(Caller(system.url, None), PRESENT, print)
            for name, (address, theme, height) in PICTURES.items():
                page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme=theme, locale="en-GB")
                page.goto(f"{system.url}{address}", wait_until="networkidle")
                page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = false; })")
                page.screenshot(path=IMAGES / name)
                print(f"docs/images/{name}")


if __name__ == "__main__":
    main()
