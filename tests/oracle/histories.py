"""Random histories: few people and partners, many coincidences.

`history(random)` draws from any `random.Random`: a seeded one is quick, hypothesis's own one shrinks.
Instants come from a small pool that holds each other's deadlines, London midnights and microseconds
beside them, so that facts, timers and lapses meet. Facts arrive promptly, late or ahead of time, are
voided, recorded again in the place that a void leaves free, corrected and repeated.
"""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from sagecert_verify.derive.london import london_day, midnight_ending
from tests.oracle.author import PRODUCTS, SCORES_FAILED, SCORES_PASSED, Author, History
from tests.oracle.revisions import DAY, MICROSECOND, deadline, revised, under_revisions
from tests.oracle.rules.facts import (
    AttemptScored,
    CertificationRecognised,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    Fact,
    FactVoided,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnerProgrammeChanged,
    PartnersMerged,
    PolicyRevised,
    PortalChangeCorrected,
    PortalChangeDeclared,
    RevocationOrdered,
    ScoreCorrected,
)

__all__ = ["PRODUCTS", "History"]


def history(random: Random) -> History:
    """One history in log order: `recorded_at` never goes backwards."""
    return _Author(random).write()


def seeded(seed: int) -> History:
    return history(Random(seed))


def densely_revised(seed: int) -> History:
    """A history in which hardly anything happens but under another policy, and portal changes are corrected."""
    return _Author(Random(seed)).write_densely()


def histories() -> st.SearchStrategy[History]:
    """For hypothesis: half of them of its own drawing, which shrink, half from seeds, which are livelier."""
    return st.one_of(st.randoms(use_true_random=False).map(history), st.integers(0, 2**32).map(seeded))


def interesting_instants(facts: History) -> list[datetime]:
    """When something of the history can happen, and a microsecond to either side."""
    effective = {fact.effective_at for fact in facts}
    due = {midnight_ending(day) for fact in facts if (day := getattr(fact, "due_on", None)) is not None}
    window_days = {30} | {fact.window_days for fact in facts if isinstance(fact, PolicyRevised) and fact.window_days}
    exact = effective | due | {deadline(instant, days) for instant in effective | due for days in window_days}
    return sorted({instant + nudge for instant in exact for nudge in (-MICROSECOND, timedelta(), MICROSECOND)})


class _Author(Author):
    """Writes one history: a beginning that brings partners near their minimum, then incidents."""

    def write_densely(self) -> History:
        """Several corrected portal changes, then incidents, and revisions between them all."""
        self._beginning()
        for _ in range(self.random.choice((1, 2))):
            self._corrected_portal_change()
        self._incidents(self.random.randint(3, 9))
        return revised(self.random, self._in_log_order(), self.pool, self.random.randint(4, 8))

    def write(self) -> History:
        """A beginning, incidents, errors, repetitions, and now and then another policy."""
        self._beginning()
        self._incidents(self.random.randint(1, 9))
        for _ in range(self.random.choice((0, 0, 1, 2, 3))):
            self._mistake()
        for _ in range(self.random.choice((0, 0, 1, 2))):
            self._repetition()
        return under_revisions(self.random, self._in_log_order(), self.pool)

    def _incidents(self, number: int) -> None:
        incidents = (
            (self._departure, 10),
            (self._link, 5),
            (self._recognition, 5),
            (self._exam, 4),
            (self._revocation, 3),
            (self._revoked_pass, 1),
            (self._kind_change, 2),
            (self._programme_change, 1),
            (self._enrolment, 1),
            (self._closure, 1),
            (self._merger, 2),
            (self._simultaneous_mergers, 1),
            (self._merger_of_the_earlier_link, 1),
            (self._swap, 3),
            (self._losses_and_a_replacement, 3),
            (self._correction, 3),
            (self._portal_change, 2),
            (self._corrected_portal_change, 3),
        )
        names, weights = zip(*incidents, strict=True)
        for incident in self.random.choices(names, weights, k=number):
            incident()

    # The beginning ----------------------------------------------------------------------------

    def _beginning(self) -> None:
        for partner in self.partners:
            if self.random.random() < 0.95:
                kind = self.random.choice(("VAR", "VAR", "DEVELOPER"))
                self.facts.append(PartnerEnrolled(*self._base(self.begins_at), partner, kind, "PARTNER_SUCCESS"))
        for consultant in self.consultants:
            self.facts.append(
                ConsultantLinked(*self._base(self.begins_at), self._mostly_the_first(self.partners), consultant)
            )
            for product in self.products:
                if self.random.random() < 0.92:
                    self._certify(consultant, product, self.begins_at)

    # Incidents --------------------------------------------------------------------------------

    def _departure(self) -> None:
        linked = [fact for fact in self.facts if isinstance(fact, ConsultantLinked)]
        link = self.random.choice(linked)
        self.facts.append(ConsultantLeft(*self._base(self._instant()), link.partner, link.consultant))

    def _link(self) -> None:
        partner, consultant = self._mostly_the_first(self.partners), self.random.choice(self.consultants)
        self.facts.append(ConsultantLinked(*self._base(self._instant()), partner, consultant))

    def _swap(self) -> None:
        """One leaves and another (or the same) joins at one instant (R17)."""
        instant, partner = self._instant(), self.partners[0]
        leaver, joiner = self.random.choice(self.consultants), self.random.choice(self.consultants)
        self.facts.append(ConsultantLinked(*self._base(instant), partner, joiner))
        self.facts.append(ConsultantLeft(*self._base(instant), partner, leaver))

    def _losses_and_a_replacement(self) -> None:
        """Two leave, and somebody new and certified comes: in time, late, or at the very deadline (R16, R18)."""
        partner, newcomer = self.partners[0], f"C{len(self.facts) + 1}"
        losses = self._instant(), self._instant()
        for consultant, left_at in zip(self.random.sample(self.consultants, 2), losses, strict=True):
            self.facts.append(ConsultantLeft(*self._base(left_at), partner, consultant))
        nudge = self.random.choice((-MICROSECOND, timedelta(), MICROSECOND))
        joined_at = self.random.choice((self._instant(), *(deadline(left_at) + nudge for left_at in losses)))
        self.facts.append(CertificationRecognised(*self._base(joined_at), newcomer, self.products[0]))
        self.facts.append(ConsultantLinked(*self._base(joined_at), partner, newcomer))

    def _recognition(self) -> None:
        consultant, product = self.random.choice(self.consultants), self.random.choice(self.products)
        self.facts.append(CertificationRecognised(*self._base(self._instant()), consultant, product))

    def _revocation(self) -> None:
        consultant, product = self.random.choice(self.consultants), self.random.choice(self.products)
        self.facts.append(RevocationOrdered(*self._base(self._instant()), consultant, product))

    def _revoked_pass(self) -> None:
        """A pass, its course and a revocation, in any order (R37)."""
        consultant, product = self.random.choice(self.consultants), self.random.choice(self.products)
        registration, passed_at = f"R{len(self.facts) + 1}", self._instant()
        self.facts.append(ExamRegistered(*self._base(passed_at), registration, consultant, product))
        self._score(registration, 1, passed_at, passed=True)
        self.facts.append(RevocationOrdered(*self._base(self._instant()), consultant, product))
        self.facts.append(CourseCompleted(*self._base(self._instant()), consultant, product))

    def _exam(self) -> None:
        consultant, product = self.random.choice(self.consultants), self.random.choice(self.products)
        if self.random.random() < 0.8:
            self.facts.append(CourseCompleted(*self._base(self._instant()), consultant, product))
        first, second = self._instant(), self._instant()
        self._registration(consultant, product, None, first, second, self.random.random() < 0.6)

    def _correction(self) -> None:
        """One to three of one score: 82 to 78 and back (R32)."""
        scored = [fact for fact in self.facts if isinstance(fact, AttemptScored)]
        if scored:
            attempt = self.random.choice(scored)
            for _ in range(self.random.choice((1, 1, 2, 3))):
                score = self.random.choice(SCORES_PASSED + SCORES_FAILED)
                fact_id, effective_at, recorded_at = self._base(self._instant())
                recorded_at = max(effective_at, recorded_at)
                self.facts.append(
                    ScoreCorrected(fact_id, effective_at, recorded_at, attempt.registration, attempt.attempt, score)
                )

    def _kind_change(self) -> None:
        kind = self.random.choice(("VAR", "DEVELOPER"))
        partner = self._mostly_the_first(self.partners)
        self.facts.append(PartnerKindChanged(*self._base(self._instant()), partner, kind))

    def _programme_change(self) -> None:
        """Leaves the programme, or moves within it; mostly comes back."""
        partner = self._mostly_the_first(self.partners)
        programme = self.random.choice(("NONE", "NONE", "PARTNER_SUCCESS_PLUS", "RESELLER"))
        self.facts.append(PartnerProgrammeChanged(*self._base(self._instant()), partner, programme))
        if self.random.random() < 0.6:
            self.facts.append(PartnerProgrammeChanged(*self._base(self._instant()), partner, "PARTNER_SUCCESS"))

    def _enrolment(self) -> None:
        partner, kind = self._mostly_the_first(self.partners), self.random.choice(("VAR", "DEVELOPER"))
        self.facts.append(PartnerEnrolled(*self._base(self._instant()), partner, kind, "PARTNER_SUCCESS_PLUS"))

    def _closure(self) -> None:
        self.facts.append(PartnerClosed(*self._base(self._instant()), self.random.choice(self.partners)))

    def _merger(self) -> None:
        if len(self.partners) > 1:
            self._merge(self._instant(), *self.random.sample(self.partners, 2))

    def _simultaneous_mergers(self) -> None:
        """A chain, a circle, or two that contradict each other."""
        if len(self.partners) > 1:
            instant = self._instant()
            for _ in range(self.random.choice((2, 3))):
                self._merge(instant, *self.random.sample(self.partners, 2))

    def _merger_of_the_earlier_link(self) -> None:
        """Somebody takes up a second link, and then the partner of the first is merged away (R23, R29)."""
        link = self.random.choice([fact for fact in self.facts if isinstance(fact, ConsultantLinked)])
        others = [partner for partner in self.partners if partner != link.partner]
        if len(others) > 1:
            second, survivor = self.random.sample(others, 2)
            joined_at, merged_at = sorted((self._instant(), self._instant()))
            self.facts.append(ConsultantLinked(*self._base(joined_at), second, link.consultant))
            self._merge(merged_at, link.partner, survivor)

    def _merge(self, instant: datetime, partner: str, into: str) -> None:
        self.facts.append(PartnersMerged(*self._base(instant), partner, into))

    def _portal_change(self) -> PortalChangeDeclared:
        """A change, mostly significant, with maintenance that some finish in time, late or never (R25, R26)."""
        change = f"CH{len(self.facts) + 1}"
        products = self.random.choice((PRODUCTS, PRODUCTS[:1], PRODUCTS[:1], PRODUCTS[1:]))
        announced_at = self._instant()
        due_on = london_day(announced_at) + self.random.choice((0, 1, 14, 30)) * DAY
        significant = self.random.random() < 0.9
        declared = PortalChangeDeclared(*self._base(announced_at), change, products, significant, due_on)
        self.facts.append(declared)
        due_at = midnight_ending(due_on)
        self.pool.append(due_at)
        for consultant in self.consultants:
            if self.random.random() < 0.6:
                product = self.random.choice(self.products)
                around = (announced_at, due_at - MICROSECOND, due_at, due_at + 3 * DAY, self._instant())
                trained, first, second = self.random.choices(around, k=3)
                self.facts.append(CourseCompleted(*self._base(trained), consultant, product, change))
                self._registration(consultant, product, change, first, second, self.random.random() < 0.8)
        return declared

    def _corrected_portal_change(self) -> None:
        """Corrections of a change: before it is recorded, in time, after its lapses, some of them in error (R38)."""
        declared = self._portal_change()
        for _ in range(self.random.choice((1, 1, 2, 3, 4))):
            recorded_at = self.random.choice((declared.recorded_at, self._instant(), self._later(declared.recorded_at)))
            correction = PortalChangeCorrected(
                f"f{len(self.facts) + 1}", recorded_at, recorded_at, declared.change, **self._other_terms(recorded_at)
            )
            self.facts.append(correction)
            if self.random.random() < 0.3:
                self._void(correction)

    def _other_terms(self, corrected_at: datetime) -> dict[str, Any]:
        """One term or several; some days lie before the announcement."""
        terms: dict[str, Any] = {}
        if self.random.random() < 0.6:
            day = london_day(max(corrected_at, self.random.choice((corrected_at, self._instant()))))
            terms["due_on"] = day + self.random.choice((0, 0, 1, 14, 30)) * DAY
            self.pool.append(midnight_ending(terms["due_on"]))
        if self.random.random() < 0.4:
            terms["products"] = self.random.choice((PRODUCTS, PRODUCTS[:1], PRODUCTS[1:]))
        if self.random.random() < 0.4:
            terms["significant"] = self.random.random() < 0.5
        return terms or {"significant": True}

    # Errors and repetitions -------------------------------------------------------------------

    def _mistake(self) -> None:
        """A fact is voided; one with a name is mostly recorded again under it, which can be a mistake as well (R33)."""
        voids = {fact.voided for fact in self.facts if isinstance(fact, FactVoided)}
        voidable = [fact for fact in self.facts if not isinstance(fact, FactVoided) and fact.fact_id not in voids]
        named = [fact for fact in voidable if isinstance(fact, AttemptScored | ExamRegistered | PortalChangeDeclared)]
        mistake = self.random.choice(named if named and self.random.random() < 0.5 else voidable)
        void = self._void(mistake)
        while self.random.random() < 0.7:
            again = self._again(mistake, void)
            if again is None:
                return
            if self.random.random() < 0.7:
                return
            mistake, void = again, self._void(again)

    def _void(self, voided: Fact) -> Fact:
        recorded_at = voided.recorded_at if self.random.random() < 0.2 else self._later(voided.recorded_at)
        effective_at = min(voided.effective_at, recorded_at)
        fact_id = f"f{len(self.facts) + 1}"
        self.facts.append(FactVoided(fact_id, effective_at, recorded_at, voided.fact_id))
        self.follows[fact_id] = voided.fact_id
        return self.facts[-1]

    def _again(self, voided: Fact, void: Fact) -> Fact | None:
        """Something, partly the same, under the name of what was voided; None where that has no name.

        One in ten is recorded too early, while the name is still taken (R34).
        """
        when = self.random.choice((voided.effective_at, voided.effective_at, self._instant()))
        early = self.random.random() < 0.1
        base = f"f{len(self.facts) + 1}", when, voided.recorded_at if early else self._soon(void.recorded_at)
        match voided:
            case AttemptScored(registration=registration, attempt=attempt, score=score):
                score = self.random.choice((score, *SCORES_PASSED, *SCORES_FAILED))
                again: Fact = AttemptScored(*base, registration, attempt, score)
            case ExamRegistered(registration=registration, consultant=consultant, product=product, change=change):
                consultant = self.random.choice((consultant, *self.consultants))
                product = self.random.choice((product, product, *self.products))
                again = ExamRegistered(*base, registration, consultant, product, change)
            case PortalChangeDeclared(change=change, products=products):
                products = self.random.choice((products, products, PRODUCTS, PRODUCTS[:1], PRODUCTS[1:]))
                due_on = max(voided.due_on, london_day(when)) + self.random.choice((0, 0, 1, 14)) * DAY
                again = PortalChangeDeclared(*base, change, products, self.random.random() < 0.8, due_on)
                self.pool.append(midnight_ending(due_on))
            case _:
                return None
        self.facts.append(again)
        self.follows[again.fact_id] = voided.fact_id if early else void.fact_id
        return again

    def _soon(self, instant: datetime) -> datetime:
        return instant + self.random.choice((timedelta(), MICROSECOND, DAY, 19 * DAY))

    def _repetition(self) -> None:
        """The score of some attempt once more, with the same or another score; or of an attempt that is not."""
        scored = [fact for fact in self.facts if isinstance(fact, AttemptScored)]
        if scored:
            attempt = self.random.choice(scored)
            score = self.random.choice((attempt.score, attempt.score, "81", "12.5"))
            number = self.random.choice((attempt.attempt, attempt.attempt, attempt.attempt, 3))
            fact_id = f"f{len(self.facts) + 1}"
            effective_at, recorded_at = self._instant(), self._later(attempt.recorded_at)
            self.facts.append(AttemptScored(fact_id, effective_at, recorded_at, attempt.registration, number, score))
