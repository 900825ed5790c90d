"""Every refusal has its answer, in both services."""

from collections.abc import Iterator

import pytest

from services.certification.api import problems as certification
from services.compliance.api import problems as compliance
from services.compliance.what_ifs.kept import WhatIfsOff
from services.web.problem_details import SHARED, ProblemTable, answer_to
from services.web.refusal import Refusal

TABLES: list[tuple[ProblemTable, str]] = [
    (certification.PROBLEMS, "services.certification."),
    (compliance.PROBLEMS, "services.compliance."),
]


def every(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for below in kind.__subclasses__():
        yield below
        yield from every(below)


@pytest.mark.parametrize(("table", "package"), TABLES, ids=["certification", "compliance"])
def test_the_table_is_complete(table: ProblemTable, package: str) -> None:
    assert set(table) == {kind for kind in every(Refusal) if kind.__module__.startswith((package, "services.web."))}


def test_certification_says_nothing_twice() -> None:
    kinds = set(certification.PROBLEMS.values())
    assert len({kind.name for kind in kinds}) == len(kinds)
    assert len({kind.name for kind in SHARED.values()}) == len(SHARED)


@pytest.mark.parametrize(
    ("refusal", "table"),
    [(refusal, table) for table, _ in TABLES for refusal in table],
)
def test_a_refusal_is_answered_as_the_table_says(refusal: type[Refusal], table: ProblemTable) -> None:
    answer = answer_to(refusal("It is so, \ud800."), table)
    assert answer.status_code == table[refusal].status
    assert answer.media_type == "application/problem+json"
    passing = table[refusal].status == 503 and refusal not in (compliance.WebhooksOff, WhatIfsOff)
    assert ("Retry-After" in answer.headers) == passing
