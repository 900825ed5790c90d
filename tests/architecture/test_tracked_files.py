"""What is published names no machine, no workplace and no package registry."""

import re
from typing import Final

from tests.architecture.for_each import for_each
from tests.architecture.sources import ROOT, tracked

BINARY: Final = (".png", ".ico", ".woff2", ".gz", ".tar")
VENDORED: Final = "services/host/api_docs/assets/"
SELF: Final = "tests/architecture/test_tracked_files.py"

UNWANTED: Final = {
    "a path of one machine": re.compile(r"/(?:home|Users|root)/\w+"),
    "a package registry": re.compile(r"--(?:extra-)?index-url|--find-links|file:///|https?://\S+/(?:simple|packages)/"),
    "a tracker": re.compile(r"\bissue #?\d+\b|\bTODO\b|\bFIXME\b|\bXXX\b"),
    "a secret": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}"),
}

TEXTS: Final = [
    path for path in tracked() if not path.endswith(BINARY) and not path.startswith(VENDORED) and path != SELF
]


@for_each(TEXTS)
def test_nothing_of_the_workplace_is_published(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    found = {what: match[0] for what, pattern in UNWANTED.items() if (match := pattern.search(text))}
    assert not found


def test_no_file_is_great_or_generated_by_accident() -> None:
    great = {path: size for path in tracked() if (size := (ROOT / path).stat().st_size) > 1_000_000}
    assert set(great) <= {VENDORED + "swagger-ui-bundle.js"}
    assert not [path for path in tracked() if path.endswith((".pyc", ".orig", ".rej", ".log", ".sqlite", ".dump"))]
