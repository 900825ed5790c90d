"""The glossary defines words that the code uses, each once, and the README leads to it."""

import re
from typing import Final

from tests.architecture.for_each import for_each
from tests.architecture.markdown import links, read, rows, sections
from tests.architecture.sources import PRODUCT, source, tracked

ROWS: Final = [row for section in sections(read("docs/glossary.md")).values() for row in rows(section)]
DEFINED: Final = [row for row in ROWS if row[0] != "Word"]
CODE: Final = "\n".join(
    source(path) for path in tracked() if path.endswith((".py", ".sql")) and path.startswith(PRODUCT)
)


@for_each([row[0].strip("`") for row in DEFINED])
def test_a_word_of_the_glossary_occurs_in_the_code(word: str) -> None:
    """As a word, or as a part of a name (`parked_message`, `Sweep`)."""
    assert re.search(rf"(?<![a-z]){word}(?![a-z])", CODE) or re.search(rf"\b{word.title().replace('_', '')}", CODE)


def test_a_word_is_defined_once_and_in_one_line() -> None:
    words = [row[0] for row in DEFINED]
    assert len(words) == len(set(words)) >= 40
    assert all(len(row) == 2 and row[1].endswith(".") for row in DEFINED)


def test_the_readme_leads_to_the_glossary() -> None:
    assert "docs/glossary.md" in links(read("README.md"))
