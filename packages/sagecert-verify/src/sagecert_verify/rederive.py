"""Derives everything again from the facts, and compares it with what the export says."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from sagecert_verify.checked_export import CheckedExport, Result
from sagecert_verify.derive.certification_decisions import ConsultantDecisions
from sagecert_verify.derive.event_data import type_of
from sagecert_verify.derive.logged_fact import UnreadableFactError
from sagecert_verify.derive.policy import REVISED
from sagecert_verify.finding import Finding, Status
from sagecert_verify.partner_comparison import appends, compare_partner
from sagecert_verify.rows import WrongEntryError, check_fact_bytes, quick_row

CHUNK: Final = 64
FACTS_CHUNK: Final = 4_096
MALFORMED: Final = (
    *(ArithmeticError, AssertionError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError),
)
"""What a fact of another shape than the contract's raises somewhere in a derivation."""
POLICY_REVISED: Final = type_of(REVISED)


Task = Callable[[CheckedExport, Any], Result]
_checked_export: CheckedExport | None = None


def rederive(export: CheckedExport, processes: int, on_progress: Callable[[int, int], None]) -> Result:
    """All differences come down to the first one: of the facts, then of decisions, then of events and claims."""
    facts, total = export.facts, Result()
    partners = sorted({*facts.by_partner, *export.events.by_partner, *export.claims.by_partner}, key=_stable)
    stages: list[tuple[Task, list[Any]]] = [
        (_check_facts, [range(first, first + FACTS_CHUNK) for first in range(1, len(facts.spool) + 1, FACTS_CHUNK)]),
        (_check_consultants, list(_chunks(sorted(facts.by_consultant, key=_stable)))),
        (_compare_partners, list(_chunks(partners))),
    ]
    done, tasks = 0, sum(len(arguments) for _, arguments in stages)
    global _checked_export  # noqa: PLW0603  # forked processes inherit it
    _checked_export = export
    with _Pool(processes) as run:
        for task, arguments in stages:
            for result in run(task, arguments):
                total += result
                done += 1
                on_progress(done, tasks)
            if total.finding is not None:
                break
    return total


class _Pool:
    """Runs tasks in forked processes where there can be some, which see the export as it is; else here."""

    def __init__(self, processes: int) -> None:
        can_fork = processes > 1 and "fork" in multiprocessing.get_all_start_methods()
        self._pool = multiprocessing.get_context("fork").Pool(processes) if can_fork else None

    def __enter__(self) -> Callable[[Task, list[Any]], Iterator[Result]]:
        return self._run

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()

    def _run(self, task: Task, arguments: list[Any]) -> Iterator[Result]:
        calls = [(task, argument) for argument in arguments]
        return iter(map(_call, calls) if self._pool is None else self._pool.imap_unordered(_call, calls))


def processors() -> int:
    """How many processes can work at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _call(call: tuple[Task, Any]) -> Result:
    assert _checked_export is not None
    return call[0](_checked_export, call[1])


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[first : first + CHUNK] for first in range(0, len(names), CHUNK))


def _stable(name: str) -> str:
    """An order that spreads large partners over the chunks, and is the same in every run."""
    return name[::-1]


# Tasks ------------------------------------------------------------------------------------------------


def _check_facts(export: CheckedExport, positions: range) -> Result:
    """The columns of each fact say what its bytes say."""
    checked = 0
    for position in positions:
        if position > len(export.facts.spool):
            break
        row = quick_row(export.facts.spool.read(position))
        try:
            if row.columns["topic"].startswith("com.sage.partnercloud."):
                check_fact_bytes(row)
        except WrongEntryError as problem:
            sentence = f"entry {position} of facts: {problem}"
            return Result(Finding(Status.ALTERED, sentence, "facts", position), checked)
        if row.columns["topic"] == POLICY_REVISED and row.columns["effective_at"] < row.columns["recorded_at"]:
            sentence = f"position {position} of facts: a revision of the policy takes effect before it was recorded"
            fact_ids = (row.columns["fact_id"],)
            return Result(Finding(Status.DIFFERS, sentence, "facts", position, "R39", fact_ids), checked)
        checked += 1
    return Result(facts=checked)


def _check_consultants(export: CheckedExport, consultants: Iterable[str]) -> Result:
    """Every decision of certification follows from the facts about the person."""
    total = Result()
    for consultant in consultants:
        decisions = ConsultantDecisions(consultant)
        try:
            for _, group in appends(export.facts.facts(export.facts.about_consultant(consultant))):
                difference = decisions.take(group)
                if difference is not None:
                    finding = Finding(
                        Status.DIFFERS,
                        f"position {difference.position} of facts: {difference.sentence}",
                        "facts",
                        difference.position,
                        difference.rule,
                        difference.fact_ids,
                    )
                    return total + Result(finding)
                total += Result(decisions=sum("periods" in fact.data for fact in group))
        except UnreadableFactError as problem:
            return total + Result(Finding(Status.DIFFERS, str(problem), "facts"))
        except MALFORMED as problem:
            return total + _unreadable(consultant, problem)
    return total


def _compare_partners(export: CheckedExport, partners: Iterable[str]) -> Result:
    """Every compliance event and every claim follows from the facts that concern the partner."""
    total = Result()
    for partner in partners:
        try:
            total += compare_partner(export, partner)
        except UnreadableFactError as problem:
            total += Result(Finding(Status.DIFFERS, str(problem), "facts"))
        except MALFORMED as problem:
            total += _unreadable(partner, problem)
        if total.finding is not None:
            break
    return total


def _unreadable(name: str, problem: Exception) -> Result:
    """A fact that no contract allows: what it says has another shape, or lies outside the bounds of the rules."""
    why = f"{type(problem).__name__}: {problem}"[:200]
    return Result(
        Finding(Status.DIFFERS, f"nothing follows from the facts about {name}: one is malformed ({why})", "facts")
    )
