"""One consultant: the decisions of certification that follow from the facts about them (R4 to R8, R25, R32, R37)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from sagecert_verify.derive.consultant_at_partner import GRANTED, MAINTAINED, spans_of
from sagecert_verify.derive.facts_of_partner import VOIDED
from sagecert_verify.derive.linking import LEFT, LINKED
from sagecert_verify.derive.logged_fact import LoggedFact, instant_of
from sagecert_verify.derive.spans import Span, both, union, without

PASS_MARK_PERCENT: Final = Decimal(80)
SCORED: Final = "attempt-scored"
CORRECTED: Final = "score-corrected"
REGISTERED: Final = "exam-registered"
COURSE: Final = "course-completed"
RECOGNISED: Final = "certification-recognised"
REVOKED: Final = "revocation-ordered"
DECISIONS: Final = (*GRANTED, MAINTAINED)
EMPLOYMENT: Final = (LINKED, LEFT)
"""Nothing about a certification follows from these."""

Spans = tuple[Span, ...]
Maintenance = tuple[str, str]
"""Product and portal change."""


class GrantStatement(NamedTuple):
    """What a decision says of one grant."""

    product: str
    granted_at: datetime
    spans: Spans


class Difference(NamedTuple):
    """The first place where the log says something else than follows: its position, the rule, and what it is."""

    position: int
    rule: str
    sentence: str
    fact_ids: tuple[str, ...]


class ConsultantDecisions:
    """Takes everything about one consultant and their registrations, append by append, and compares the decisions."""

    def __init__(self, consultant_id: str) -> None:
        self.consultant_id = consultant_id
        self._facts: dict[str, LoggedFact] = {}
        self._by_kind: dict[str, dict[str, LoggedFact]] = {}
        self._taken_names: dict[object, str] = {}
        self._grants: dict[str, GrantStatement] = {}
        self._maintained: dict[Maintenance, Spans] = {}

    def take(self, group: Sequence[LoggedFact]) -> Difference | None:
        """The facts of one append; a difference where its decisions are not those that follow."""
        decisions = [fact for fact in group if fact.kind in DECISIONS]
        if not decisions and all(fact.kind in EMPLOYMENT for fact in group):
            for fact in group:
                self._report(fact)
            return None
        for fact in group:
            if fact.kind not in DECISIONS:
                self._report(fact)
        grants, maintained = dict(self._all_grants()), dict(self._all_maintained())
        for number, fact in enumerate(decisions, start=1):
            if fact.data["consultant_id"] != self.consultant_id:
                continue
            if fact.fact_id != f"{fact.cause}-{number}" or not self._follows(fact, grants, maintained):
                return Difference(
                    fact.position, "R4", f"the decision {fact.fact_id} does not follow from the facts", (fact.cause,)
                )
        held = {grant_id: grant for grant_id, grant in self._grants.items() if grant.spans}
        done = {maintenance: spans for maintenance, spans in self._maintained.items() if spans}
        if held == grants and done == maintained:
            return None
        missing = next(iter({grant_id for grant_id in grants | held if grants.get(grant_id) != held.get(grant_id)}), "")
        about = f"the grant {missing}" if missing else "completed maintenance"
        last = group[-1]
        return Difference(
            last.position,
            "R4" if missing else "R25",
            f"a decision about {about} of {self.consultant_id} is missing",
            (group[0].cause,),
        )

    def _follows(
        self, fact: LoggedFact, grants: Mapping[str, GrantStatement], maintained: Mapping[Maintenance, Spans]
    ) -> bool:
        """Whether the decision says what follows now; if so, it is the last statement."""
        data, spans = fact.data, tuple(spans_of(fact.data))
        if fact.kind == MAINTAINED:
            maintenance = data["product"], data["portal_change_id"]
            self._maintained[maintenance] = spans
            return spans == maintained.get(maintenance, ())
        statement = GrantStatement(data["product"], instant_of(data["granted_at"]), spans)
        self._grants[data["grant_id"]] = statement
        is_open = any(end is None for _, end in spans)
        if (fact.kind == "consultant-certified") != is_open:
            return False
        return statement == grants[data["grant_id"]] if data["grant_id"] in grants else not spans

    # The facts in force ------------------------------------------------------------------------------

    def _report(self, fact: LoggedFact) -> None:
        """One score, one registration stands under its name; what comes under it meanwhile is none (R5, R33, R34)."""
        if fact.kind == VOIDED:
            voided = self._facts.pop(fact.data["fact_id"], None)
            if voided is not None:
                del self._by_kind[voided.kind][voided.fact_id]
                if self._taken_names.get(_name(voided)) == voided.fact_id:
                    del self._taken_names[_name(voided)]
            return
        if fact.kind == SCORED and fact.data["attempt"] not in (1, 2):
            return
        if self._taken_names.setdefault(_name(fact), fact.fact_id) == fact.fact_id:
            self._facts[fact.fact_id] = fact
            self._by_kind.setdefault(fact.kind, {})[fact.fact_id] = fact

    def _of(self, kind: str, product: str | None = None) -> Iterator[LoggedFact]:
        return (
            fact for fact in self._by_kind.get(kind, {}).values() if product is None or fact.data["product"] == product
        )

    def _registered(self) -> list[LoggedFact]:
        return [fact for fact in self._of(REGISTERED) if fact.data["consultant_id"] == self.consultant_id]

    # What follows ------------------------------------------------------------------------------------

    def _all_grants(self) -> Iterator[tuple[str, GrantStatement]]:
        """The grants that hold at some time: recognitions, and passes with a course, until a revocation."""
        found: list[tuple[LoggedFact, str, datetime, Sequence[Span]]] = [
            (fact, fact.data["product"], fact.effective_at, [(fact.effective_at, None)])
            for fact in self._of(RECOGNISED)
        ]
        for registration in self._registered():
            product = registration.data["product"]
            courses = [fact.effective_at for fact in self._of(COURSE, product) if _change(fact) is None]
            if _change(registration) is None and courses:
                for attempt, spans in self._granting(registration.data["registration_id"]):
                    granted_at = max(attempt.effective_at, min(courses))
                    found.append((attempt, product, granted_at, both(spans, [(granted_at, None)])))
        for fact, product, granted_at, held_by in found:
            ends = [revoked.effective_at for revoked in self._of(REVOKED, product)]
            ends = [end for end in ends if end >= fact.effective_at]
            held = without(held_by, [(min(ends), None)] if ends else ())
            if held:
                yield fact.fact_id, GrantStatement(product, granted_at, tuple(held))

    def _all_maintained(self) -> Iterator[tuple[Maintenance, Spans]]:
        """Maintenance is done while training and assessment both are (R25)."""
        trained: dict[Maintenance, datetime] = {}
        for fact in self._of(COURSE):
            if (change := _change(fact)) is not None:
                maintenance = fact.data["product"], change
                trained[maintenance] = min(trained.get(maintenance, fact.effective_at), fact.effective_at)
        assessed: dict[Maintenance, list[Span]] = {}
        for registration in self._registered():
            if (change := _change(registration)) is not None:
                spans = [span for _, spans in self._granting(registration.data["registration_id"]) for span in spans]
                assessed.setdefault((registration.data["product"], change), []).extend(spans)
        for maintenance, since in trained.items():
            done = both(union(assessed.get(maintenance, ())), [(since, None)])
            if done:
                yield maintenance, tuple(done)

    def _granting(self, registration_id: str) -> list[tuple[LoggedFact, list[Span]]]:
        """Each attempt, and when it is the earliest that passes: only that grants (R7)."""
        attempts = [fact for fact in self._of(SCORED) if fact.data["registration_id"] == registration_id]
        found: list[tuple[LoggedFact, list[Span]]] = []
        earlier: list[Span] = []
        for attempt in sorted(attempts, key=lambda fact: (fact.effective_at, fact.data["attempt"])):
            passing = self._passing(attempt)
            found.append((attempt, without(passing, earlier)))
            earlier = union((*earlier, *passing))
        return found

    def _passing(self, attempt: LoggedFact) -> list[Span]:
        """While its latest known score passes, or the score in force does (R32)."""
        since = attempt.effective_at
        corrections = sorted(
            (max(fact.effective_at, since), fact.effective_at, fact.position, fact.data["score"])
            for fact in self._of(CORRECTED)
            if (fact.data["registration_id"], fact.data["attempt"])
            == (attempt.data["registration_id"], attempt.data["attempt"])
        )
        scores = [(since, attempt.data["score"]), *((at, score) for at, _, _, score in corrections)]
        if _is_pass(scores[-1][1]):
            return [(since, None)]
        ends = [at for at, _ in scores[1:]]
        return union((at, end) for (at, score), end in zip(scores, ends, strict=False) if _is_pass(score))


def _name(fact: LoggedFact) -> object:
    """That of which only one can stand."""
    if fact.kind == SCORED:
        return fact.data["registration_id"], fact.data["attempt"]
    return fact.data["registration_id"] if fact.kind == REGISTERED else (fact.fact_id, "fact")


def _change(fact: LoggedFact) -> str | None:
    change = fact.data.get("portal_change_id")
    return None if change is None else str(change)


def _is_pass(score: str) -> bool:
    """80.00 % or more, as an exact decimal (R6)."""
    return Decimal(score) >= PASS_MARK_PERCENT
