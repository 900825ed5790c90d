"""Members of an export that are there twice, at a wrong place, or no proofs: each ends with status 2 and a sentence."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from sagecert_verify.command import main
from tests.verify.exports import Export, export_of, write

SEED: Final = 43
PROOF: Final = "facts/proofs/3.tlog-proof"
Members = list[tuple[str, bytes]]


class _Repeated(dict[str, bytes]):
    """Members of which some may have the same name."""

    def __init__(self, members: Sequence[tuple[str, bytes]]) -> None:
        super().__init__(members)
        self._members = members

    def items(self) -> Any:
        return self._members


@pytest.fixture(scope="module")
def export() -> Export:
    return export_of(SEED)


@pytest.fixture
def damaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Members], str]:
    def run(members: Members) -> str:
        status = main([str(write(tmp_path / "export.tar.gz", _Repeated(members))), "--processes", "1"])
        said = capsys.readouterr().out
        assert (status, said.splitlines()[0]) == (2, "2: the file is damaged"), said
        return said

    return run


def of_partner(export: Export) -> Members:
    return list(export.partner_members("P1", {"facts": [1, 3, 4], "compliance": [2]}).items())


DAMAGED_PROOFS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "the root of a checkpoint is 32 bytes": lambda proof: re.sub(rb"\n[^\n]+\n\n(?=\xe2)", b"\nAAAA\n\n", proof),
    "the size of a checkpoint is a number": lambda proof: re.sub(rb"(/facts\n)[0-9]+", rb"\g<1>1e3", proof),
    "an origin, a size and a root": lambda proof: re.sub(rb"(/facts\n)[0-9]+\n", rb"\1", proof),
    "has other signatures than the checkpoint": lambda proof: proof + proof.rpartition(b"\n\n")[2],
    "a signature is a dash": lambda proof: proof[:-1] + b"!\n",
}


@pytest.mark.parametrize("sentence", DAMAGED_PROOFS)
def test_a_proof_that_is_none(export: Export, damaged: Callable[[Members], str], sentence: str) -> None:
    change = DAMAGED_PROOFS[sentence]
    members = [(name, change(content) if name == PROOF else content) for name, content in of_partner(export)]
    assert sentence in damaged(members)


def test_each_entry_of_a_partner_is_followed_by_its_proof(export: Export, damaged: Callable[[Members], str]) -> None:
    members = of_partner(export)
    entry = [name for name, _ in members].index("facts/entries/3")
    before, pair, after = members[:entry], members[entry : entry + 2], members[entry + 2 :]
    assert "position 3 of facts lacks its entry" in damaged([*before, pair[1], *after])
    assert "position 3 of facts lacks its proof" in damaged([*before, pair[0], *after])
    assert "facts/entries/3 is not where it should be" in damaged([*before, *pair, *pair, *after])


@pytest.mark.parametrize("log", ["facts", "compliance", "claims"])
def test_a_log_has_one_checkpoint(export: Export, damaged: Callable[[Members], str], log: str) -> None:
    members = list(export.members().items())
    place = [name for name, _ in members].index(f"{log}/checkpoint")
    assert f"the checkpoint of {log} is there twice" in damaged([*members[: place + 1], *members[place:]])
