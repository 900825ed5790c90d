"""What is known of one partner: the facts in force that concern it, ordered by what they say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sagecert_verify.derive.consultant_at_partner import Duty, Person
from sagecert_verify.derive.linking import CLOSED, LEFT, LINKED, MERGED, Fates, fates_of
from sagecert_verify.derive.logged_fact import LoggedFact, day_of
from sagecert_verify.derive.london import london_day, midnight_ending
from sagecert_verify.derive.policy import REVISED, Policies

DECLARED: Final = "portal-change-declared"
CORRECTED: Final = "portal-change-corrected"
VOIDED: Final = "fact-voided"
ENROLS: Final = ("partner-enrolled", "partner-kind-changed", "partner-programme-changed")


class Known:
    """The facts in force. After `take`, `people`, `enrolment` and `revised_from` say what they can have changed.

    `instants`: at which the facts taken last take effect, or did what they void.
    `portal_changes`: the declarations in force, saying what they say after their corrections (R38).
    """

    def __init__(self, partner_id: str) -> None:
        self.partner_id = partner_id
        self.everybody: dict[str, Person] = {}
        self.own: dict[str, LoggedFact] = {}
        self.portal_changes: Sequence[LoggedFact] = ()
        self.fates: Mapping[datetime, Fates] = {}
        self.duties: tuple[Duty, ...] = ()
        self.people: set[str] = set()
        self.enrolment = False
        self.policies = Policies()
        self.revised_from: datetime | None = None
        self.instants: set[datetime] = set()
        self._revisions: dict[str, LoggedFact] = {}
        self._declared: dict[str, LoggedFact] = {}
        self._corrections: dict[str, LoggedFact] = {}
        self._endings: dict[str, LoggedFact] = {}
        self._facts: dict[str, LoggedFact] = {}

    def take(self, group: Sequence[LoggedFact]) -> None:
        """The facts of one append. A void takes its fact away, for all time (R33)."""
        self.people = set()
        self.enrolment = False
        self.revised_from = None
        self.instants = {fact.effective_at for fact in group}
        for fact in group:
            self._facts[fact.fact_id] = fact
            if fact.kind != VOIDED:
                self._take(fact, is_void=False)
            elif (voided := self._facts.get(fact.data["fact_id"])) is not None:
                self.instants.add(voided.effective_at)
                self._take(voided, is_void=True)

    def _take(self, fact: LoggedFact, *, is_void: bool) -> None:
        if fact.kind in (LINKED, LEFT):
            _put(self._person(fact).employment, fact, is_void)
            self.people.add(fact.data["consultant_id"])
        elif fact.kind in (CLOSED, MERGED):
            _put(self._endings, fact, is_void)
            self.fates = fates_of(self._endings.values())
            self.people = set(self.everybody)
            self.enrolment = True
        elif fact.kind in (DECLARED, CORRECTED):
            _put(self._declared if fact.kind == DECLARED else self._corrections, fact, is_void)
            self.portal_changes = [_corrected(fact, self._corrections.values()) for fact in self._declared.values()]
            self.duties = tuple(_duties(self.portal_changes))
            self.people = set(self.everybody)
        elif fact.kind == REVISED:
            _put(self._revisions, fact, is_void)
            self.policies = Policies(self._revisions.values())
            self.revised_from = fact.effective_at
        elif "periods" in fact.data:
            self._person(fact).take(fact)
            self.people.add(fact.data["consultant_id"])
        if fact.kind in (*ENROLS, CLOSED, MERGED) and fact.data["partner_id"] == self.partner_id:
            _put(self.own, fact, is_void)
            self.enrolment = True

    def _person(self, fact: LoggedFact) -> Person:
        return self.everybody.setdefault(fact.data["consultant_id"], Person())


def _put(facts: dict[str, LoggedFact], fact: LoggedFact, is_void: bool) -> None:
    if is_void:
        facts.pop(fact.fact_id, None)
    else:
        facts[fact.fact_id] = fact


def _corrected(declared: LoggedFact, corrections: Iterable[LoggedFact]) -> LoggedFact:
    """The last correction of each term wins; one that is due before the announcement says nothing (R38)."""
    announced_on = london_day(declared.effective_at)
    data = dict(declared.data)
    for correction in corrections:
        said = correction.data
        in_time = "due_on" not in said or day_of(said["due_on"]) >= announced_on
        if in_time and said["portal_change_id"] == data["portal_change_id"]:
            data.update((term, said[term]) for term in ("due_on", "products", "significant") if term in said)
    return declared._replace(data=data)


def _duties(portal_changes: Iterable[LoggedFact]) -> Iterator[Duty]:
    for fact in portal_changes:
        data = fact.data
        if data["significant"]:
            midnight = midnight_ending(day_of(data["due_on"]))
            yield Duty(data["portal_change_id"], data["products"], fact.effective_at, midnight)
