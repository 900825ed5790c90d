"""Derives everything again from the facts, and compares it with what the export says."""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby, zip_longest
from typing import Any, Final, NamedTuple

from sagecert_verify.claims import Claim, check_claim
from sagecert_verify.derive.announcing import STANDING_CHANGED, Stated
from sagecert_verify.derive.event_data import Event, type_of
from sagecert_verify.derive.log import LoggedFact, UnreadableFactError, instant_of
from sagecert_verify.derive.partner import PartnerDerivation
from sagecert_verify.derive.people import ConsultantDecisions
from sagecert_verify.derive.policy import REVISED
from sagecert_verify.ledger import EventLedger, FactLedger
from sagecert_verify.rows import Row, WrongEntryError, check_fact_bytes, quick_row, short
from sagecert_verify.verdict import Finding, Status

CHUNK: Final = 64
FACTS_CHUNK: Final = 4_096
INSTANT: Final = timedelta(microseconds=1)
MALFORMED: Final = (
    *(ArithmeticError, AssertionError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError),
)
"""What a fact of another shape than the contract's raises somewhere in a derivation."""
POLICY_REVISED: Final = type_of(REVISED)
RULE_OF: Final = {
    "standing-changed": "R9",
    "minimum-reached": "R12",
    "replacement-window-opened": "R13",
    "replacement-window-closing": "R15",
    "replacement-window-closed": "R18",
    "replacement-window-expired": "R16",
    "replacement-window-voided": "R28",
    "selling-suspended": "R19",
    "selling-reinstated": "R21",
    "authorisation-ended": "R28",
    "certification-lapsed": "R26",
    "maintenance-required": "R27",
    "dual-link-detected": "R23",
    "dual-link-cleared": "R23",
    "retracted": "R33",
}


class Evidence(NamedTuple):
    """What the export holds, once its integrity is known."""

    facts: FactLedger
    events: EventLedger
    claims: dict[str, list[Claim]]
    products: Sequence[str]


class Result(NamedTuple):
    """What one task found: the first difference, and how much was compared. `unpublished`: events that follow later."""

    finding: Finding | None = None
    facts: int = 0
    decisions: int = 0
    events: int = 0
    claims: int = 0
    unpublished: int = 0

    def __add__(self, other: object) -> "Result":
        assert isinstance(other, Result)
        first = min((self.finding, other.finding), key=_place)
        return Result(first, *(one + another for one, another in zip(self[1:], other[1:], strict=True)))


Task = Callable[[Evidence, Any], Result]
_evidence: Evidence | None = None


def rederive(evidence: Evidence, processes: int, on_progress: Callable[[int, int], None]) -> Result:
    """All differences come down to the first one: of the facts, then of decisions, then of events and claims."""
    facts, total = evidence.facts, Result()
    partners = sorted({*facts.by_partner, *evidence.events.by_partner, *evidence.claims}, key=_stable)
    stages: list[tuple[Task, list[Any]]] = [
        (_check_facts, [range(first, first + FACTS_CHUNK) for first in range(1, len(facts.spool) + 1, FACTS_CHUNK)]),
        (_check_consultants, list(_chunks(sorted(facts.by_consultant, key=_stable)))),
        (_check_partners, list(_chunks(partners))),
    ]
    done, tasks = 0, sum(len(arguments) for _, arguments in stages)
    global _evidence  # noqa: PLW0603  # forked processes inherit it
    _evidence = evidence
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
    """Runs tasks in forked processes where there can be some, which see the evidence as it is; else here."""

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
    assert _evidence is not None
    return call[0](_evidence, call[1])


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[first : first + CHUNK] for first in range(0, len(names), CHUNK))


def _stable(name: str) -> str:
    """An order that spreads large partners over the chunks, and is the same in every run."""
    return name[::-1]


def _place(finding: Finding | None) -> tuple[bool, float]:
    return finding is None, (finding and finding.position) or float("inf")


# Tasks ------------------------------------------------------------------------------------------------


def _check_facts(evidence: Evidence, positions: range) -> Result:
    """The columns of each fact say what its bytes say."""
    checked = 0
    for position in positions:
        if position > len(evidence.facts.spool):
            break
        row = quick_row(evidence.facts.spool.read(position))
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


def _check_consultants(evidence: Evidence, consultants: Iterable[str]) -> Result:
    """Every decision of certification follows from the facts about the person."""
    total = Result()
    for consultant in consultants:
        decisions = ConsultantDecisions(consultant)
        try:
            for _, group in _appends(evidence.facts.facts(evidence.facts.about_consultant(consultant))):
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


def _check_partners(evidence: Evidence, partners: Iterable[str]) -> Result:
    """Every compliance event and every claim follows from the facts that concern the partner."""
    total = Result()
    for partner in partners:
        try:
            total += _check_partner(evidence, partner)
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


def _check_partner(evidence: Evidence, partner: str) -> Result:
    published = list(evidence.events.events(evidence.events.by_partner.get(partner, ())))
    derivation = PartnerDerivation(partner, evidence.products)
    claims = sorted(evidence.claims.get(partner, ()), key=lambda claim: claim.position)
    state = _Claims(derivation, claims)
    counted = _Counted()
    derived = _derived(evidence, derivation, state, counted, _stated(published))
    events = 0
    for expected, found in zip_longest(derived, published):
        if expected is None or found is None or not _is_same(expected, found[1]):
            finding = _difference(partner, expected, found, evidence)
            return Result(finding, events=events)
        events += 1
    if state.finding is not None:
        return Result(state.finding, events=events)
    return Result(events=events, claims=len(claims), unpublished=counted.unpublished)


class _Counted:
    unpublished = 0


class _Claims:
    """Claims are compared with what is known after the facts up to their position."""

    def __init__(self, derivation: PartnerDerivation, claims: Sequence[Claim]) -> None:
        self._derivation = derivation
        self._claims = list(reversed(claims))
        self.finding: Finding | None = None

    def before(self, position: float) -> None:
        """All claims made before the fact at this position."""
        while self._claims and self._claims[-1].position < position and self.finding is None:
            self.finding = check_claim(self._claims.pop(), self._derivation)


def _derived(
    evidence: Evidence, derivation: PartnerDerivation, claims: _Claims, counted: _Counted, stated: Stated
) -> Iterator[Event]:
    """The events of the steps that the compliance log reaches; what follows after them is only counted."""
    last_instant, last_position, last_partner = evidence.events.last
    partner = derivation.partner_id
    horizon = instant_of(short(last_instant)) if last_instant else None
    reaches_timers = horizon is not None and (0, partner) <= (last_position, last_partner)
    until = horizon if reaches_timers or horizon is None else horizon - INSTANT
    is_published = True
    for position, group in _appends(evidence.facts.facts(evidence.facts.about_partner(partner))):
        claims.before(position)
        key = group[0].recorded_at, position, partner
        if is_published and (horizon is None or key > (horizon, last_position, last_partner)):
            is_published = False
            if until is not None:
                yield from derivation.fire_timers(until, stated)
        events = derivation.take(group, stated)
        if is_published:
            yield from events
        else:
            counted.unpublished += sum(1 for _ in events)
    if is_published and until is not None:
        yield from derivation.fire_timers(until, stated)
    claims.before(float("inf"))


def _appends(facts: Iterable[LoggedFact]) -> Iterator[tuple[int, list[LoggedFact]]]:
    return ((position, list(group)) for position, group in groupby(facts, key=lambda fact: fact.append_position))


# Comparing --------------------------------------------------------------------------------------------


def _stated(published: Sequence[tuple[int, Row]]) -> Stated:
    kind = type_of(STANDING_CHANGED)
    since = {}
    without_policy = set()
    for _, (columns, body) in published:
        step = instant_of(short(columns["recorded_at"])), columns["fact_position"]
        if columns["type"] == kind and columns["products"]:
            since[*step, columns["products"][0]] = instant_of(short(columns["effective_at"]))
        if b'"policy_id":' not in body:
            without_policy.add(step)
    return Stated(since, without_policy)


def _is_same(expected: Event, found: Row) -> bool:
    columns, body = found
    return (
        body == expected.data
        and columns["event_id"] == expected.event_id
        and columns["type"] == expected.type
        and columns["about"] == expected.about
        and columns["fact_position"] == expected.fact_position
        and columns["products"] == list(expected.products)
        and short(columns["effective_at"]) == expected.effective_at
        and short(columns["recorded_at"]) == expected.recorded_at
    )


def _difference(partner: str, expected: Event | None, found: tuple[int, Row] | None, evidence: Evidence) -> Finding:
    """In words: which event, and what the rules say instead."""
    fact_ids: tuple[str, ...] = ()
    if expected is not None:
        fact_ids = tuple(json.loads(expected.data).get("fact_ids", ()))
    rule = _rule(expected.type if expected is not None else found[1].columns["type"] if found else "")
    if found is None:
        assert expected is not None
        what = f"{_said(expected.type)} of {partner} at {expected.effective_at}"
        sentence = f"the compliance log lacks an event: {what}, known from {expected.recorded_at}"
        return Finding(Status.DIFFERS, sentence, "compliance", len(evidence.events.spool) + 1, rule, fact_ids)
    position, (columns, body) = found
    what = f"event {position} says {_said(columns['type'])} of {partner} at {short(columns['effective_at'])}"
    if expected is None:
        sentence = f"{what}, and nothing follows from the facts"
    elif (columns["type"], short(columns["effective_at"])) != (expected.type, expected.effective_at):
        sentence = f"{what}; what follows is {_said(expected.type)} at {expected.effective_at}"
    else:
        sentence = f"{what}; {_first_difference(expected, columns, body)}"
    return Finding(Status.DIFFERS, sentence, "compliance", position, rule, fact_ids)


def _first_difference(expected: Event, columns: dict[str, Any], body: bytes) -> str:
    try:
        said, follows = json.loads(body), json.loads(expected.data)
    except (ValueError, RecursionError):
        return "its bytes are no event"
    for path, value in _flat(follows):
        found = dict(_flat(said)).get(path)
        if found != value:
            return f"its {path} is {found!r}, and {value!r} follows"
    if columns["event_id"] != expected.event_id:
        return "its id is not that of what it says"
    return "it is written otherwise than what follows"


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _flat(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for place, member in enumerate(value):
            yield from _flat(member, f"{path}[{place}]")
    else:
        yield path, value


def _said(type_: str) -> str:
    return type_.removeprefix("com.sage.partnercloud.").removesuffix(".v1")


def _rule(type_: str) -> str:
    return RULE_OF.get(_said(type_), "")
