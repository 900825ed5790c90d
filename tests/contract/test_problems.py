"""The types of problems are part of the contract: callers decide by them."""

import re
from collections import defaultdict
from typing import Final

from services.audit.api import problems as audit
from services.certification.api import problems as certification
from services.compliance.api import problems as compliance
from services.host import asgi_server, gateway, request_guard, sandbox
from services.host.api_keys import key_ring
from services.web import problem_details, rebinding_guard
from services.web.problem_details import TYPE_PREFIX, Problem
from tests.architecture.markdown import read, rows, sections

NAME: Final = re.compile(r"[a-z]+(-[a-z]+)*")


def answered() -> dict[str, set[int]]:
    """Type to the statuses with which it is answered, from the tables in the code."""
    found: dict[str, set[int]] = defaultdict(set, {"internal-error": {500}})
    for kind in (*certification.PROBLEMS.values(), *compliance.PROBLEMS.values(), *audit.PROBLEMS.values()):
        found[kind.name].add(kind.status)
    for module in (gateway, request_guard, key_ring, rebinding_guard, problem_details, sandbox, asgi_server):
        for value in vars(module).values():
            if isinstance(value, Problem):
                found[value.type.removeprefix(TYPE_PREFIX)].add(value.status)
    return found


def test_the_guide_lists_every_type_with_its_statuses() -> None:
    listed = {
        kind.strip("`"): {int(status) for status in statuses.split(", ")}
        for kind, statuses, _when in list(rows(sections(read("docs/integrator-guide.md"))["Problems"]))[1:]
    }
    assert listed == answered()


def test_types_are_words() -> None:
    assert all(NAME.fullmatch(name) for name in answered())


def test_a_type_of_certification_has_one_title() -> None:
    kinds = set(certification.PROBLEMS.values())
    assert len({kind.name for kind in kinds}) == len(kinds)


def test_a_type_means_the_same_in_both_services() -> None:
    statuses: dict[str, set[int]] = defaultdict(set)
    for kind in (*certification.PROBLEMS.values(), *compliance.PROBLEMS.values(), *audit.PROBLEMS.values()):
        statuses[kind.name].add(kind.status)
    assert all(len(found) == 1 for found in statuses.values()), statuses
