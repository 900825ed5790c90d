"""Just enough of Markdown to hold the documents against the code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

_FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
_CELL_END: Final = re.compile(r"(?<!\\)\|")
_LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def read(path: str) -> str:
    """The text of a document, by its path from the root of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def documents() -> list[Path]:
    """Every Markdown document of the project."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])


def code_blocks(text: str, language: str) -> list[str]:
    """The contents of the fenced blocks of a language."""
    return [body for of, body in _FENCED.findall(text) if of == language]


def without_code(text: str) -> str:
    """The text without its fenced blocks."""
    return _FENCED.sub("", text)


def sections(text: str) -> dict[str, str]:
    """Heading to what stands under it, up to the next heading of any level."""
    bare = _FENCED.sub(lambda block: block[0].replace("#", "\0"), text)
    found = list(_HEADING.finditer(bare))
    ends = [heading.start() for heading in found[1:]] + [len(bare)]
    return {heading[2]: bare[heading.end() : end].replace("\0", "#") for heading, end in zip(found, ends, strict=True)}


def links(text: str) -> list[str]:
    """The targets of the links, code left out."""
    return _LINK.findall(without_code(text))


def anchors(text: str) -> set[str]:
    """The fragments by which headings can be linked."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in sections(text)}


def rows(section: str) -> Iterator[list[str]]:
    """The cells of each row of the tables in a section, their heads left out."""
    for line in section.splitlines():
        if line.startswith("|") and not set(line) <= set("|-: "):
            yield [cell.strip() for cell in _CELL_END.split(line.strip().removeprefix("|").removesuffix("|"))]
