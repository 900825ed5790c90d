"""The documents hold: links lead somewhere, rules exist, tables name what is there."""

import re
from pathlib import Path, PurePath
from typing import Final

from tests.architecture.for_each import for_each
from tests.architecture.markdown import anchors, documents, links, read, rows, sections
from tests.architecture.sources import PRODUCT, ROOT, python_files, source, tracked

DOCUMENTS: Final = [str(path.relative_to(ROOT)) for path in documents()]
RULE: Final = re.compile(r"\bR([1-9][0-9]?)\b")
RULE_IN_TEXT: Final = re.compile(r"\(R\d+(?:, R\d+)*\)|`R\d+`|\bR\d+(?=[,:.) ])")
EXTERNAL: Final = ("https://", "http://", "mailto:")
DECISION: Final = re.compile(r"(\d{4})-[a-z0-9-]+\.md")


def rules() -> set[str]:
    """The ids that docs/rules.md lists."""
    return {
        cells[0]
        for section in sections(read("docs/rules.md")).values()
        for cells in rows(section)
        if RULE.fullmatch(cells[0])
    }


def test_every_rule_is_listed_once_and_in_words() -> None:
    listed = re.findall(r"^\| (R\d+) \| ", read("docs/rules.md"), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert rules() == {f"R{number}" for number in range(1, 40)}


@for_each([*DOCUMENTS, *python_files(*PRODUCT)])
def test_every_rule_that_is_cited_exists(path: str) -> None:
    """R1 and R2 in examples are also ids of registrations; they exist as rules, so no harm is done."""
    cited = {f"R{number}" for number in RULE.findall(source(path))}
    assert cited <= rules()


@for_each(DOCUMENTS)
def test_every_link_leads_somewhere(path: str) -> None:
    here = ROOT / path
    for target in links(here.read_text(encoding="utf-8")):
        if target.startswith(EXTERNAL):
            continue
        file, _, fragment = target.partition("#")
        there = (here.parent / file).resolve() if file else here
        assert there.exists(), f"{path} links to {target}"
        assert there.is_relative_to(ROOT), f"{path} links out of the repository: {target}"
        if fragment and there.suffix == ".md":
            assert fragment in anchors(there.read_text(encoding="utf-8")), f"{path} links to {target}"


@for_each(DOCUMENTS)
def test_every_file_that_is_named_exists(path: str) -> None:
    """`a/path/in/backticks.py` is a file of the project, or (without a slash) the name of one."""
    names = {PurePath(name).name for name in tracked()}
    for name in re.findall(r"`([\w./-]+\.(?:py|md|sql|toml|yaml|json))`", read(path)):
        if "/" in name and not name.startswith("…"):
            assert (ROOT / name).exists(), f"{path} names {name}"
        else:
            assert name in names, f"{path} names {name}"


def test_where_is_leads_to_what_it_names() -> None:
    table = list(rows(sections(read("README.md"))["Where is…?"]))[1:]
    assert len(table) >= 15
    for question, path, symbol in table:
        file = ROOT / _in_backticks(path)
        assert file.is_file(), f"{question}: {path} is no file"
        assert re.search(rf"\b{re.escape(_in_backticks(symbol))}\b", file.read_text(encoding="utf-8")), (
            f"{question}: {path} has no {symbol}"
        )


def test_where_each_rule_is_decided_leads_to_a_file_that_cites_it() -> None:
    """R3 decides nothing."""
    listed = []
    for cited, path, symbol in list(rows(sections(read("docs/architecture.md"))["Where each rule is decided"]))[1:]:
        text = (ROOT / _in_backticks(path)).read_text(encoding="utf-8")
        name = _in_backticks(symbol)
        assert re.search(rf"\b(?:def|class) {name}\b|\b{name}\s*[:=]", text), f"{path} defines no {name}"
        for rule in cited.split(", "):
            assert re.search(rf"\b{rule}\b", text), f"{path} does not cite {rule}"
            listed.append(rule)
    assert sorted(listed) == sorted(rules() - {"R3"})


def _in_backticks(cell: str) -> str:
    match = re.search(r"`([^`]+)`", cell)
    assert match, f"{cell} names nothing in backticks"
    return match[1]


def decisions() -> list[Path]:
    return sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [path.name[:4] for path in decisions()]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert all(DECISION.fullmatch(path.name) for path in decisions())


@for_each(decisions())
def test_a_decision_says_why_and_what_else_there_was(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.name[:4]} · ")
    assert list(sections(text))[1:] == ["Context", "Decision", "Consequences", "Alternatives"]
    assert len(text.splitlines()) <= 90, "a decision is one page"


def test_the_list_of_decisions_is_complete() -> None:
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", read("docs/decisions/README.md"))
    assert listed == [path.name for path in decisions()]


def test_the_changelog_tells_of_the_event_contract_first() -> None:
    text = read("CHANGELOG.md")
    versions = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert versions, "no version"
    assert versions[0].startswith("[Unreleased]")
    for version in versions:
        headings = re.findall(r"^### (.+)$", version, re.MULTILINE)
        assert headings[:1] in ([], ["Event contract"]), f"{version.splitlines()[0]}: {headings}"
        assert set(headings) <= {"Event contract", "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
