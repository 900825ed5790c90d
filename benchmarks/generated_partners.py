"""A made-up world of partners and their people, as Sage University would report it over ten years.

Everything follows from a seed and the number of partners: each partner can be made without the
others, so a history of any length streams, and several processes can share the steps. Facts come without
positions and without the decisions that follow from them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from shared.events.envelope import Fact
from shared.events.facts import (
    AttemptScored,
    CertificationRecognised,
    ConsultantLeft,
    ConsultantLinked,
    CourseCompleted,
    ExamRegistered,
    FactVoided,
    Kind,
    PartnerClosed,
    PartnerEnrolled,
    PartnerKindChanged,
    PartnerProgrammeChanged,
    PartnersMerged,
    PortalChangeDeclared,
    Reported,
    RevocationOrdered,
    ScoreCorrected,
)

BEGIN: Final = datetime(2016, 1, 4, 9, tzinfo=UTC)
END: Final = datetime(2026, 1, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)
PRODUCTS: Final = ("S200P", "S200S")

LATE_SHARE: Final = 0.02
CORRECTED_SHARE: Final = 0.005
CONSULTANTS_OF_A_VAR: Final = ((2, 62), (3, 23), (4, 9), (6, 4), (12, 1), (30, 1))
"""(positions to fill, weight)."""
TENURE_DAYS_MEAN: Final = 8 * 365
MAINTENANCE_DAYS: Final = 120
MAINTENANCE_LATE_SHARE: Final = 0.04
MAINTENANCE_NEVER_SHARE: Final = 0.03


class Population:
    """`partners` partners, numbered from 0, and the portal changes that concern them all."""

    def __init__(self, seed: int, partners: int) -> None:
        self.seed = seed
        self.partners = partners
        self.portal_changes = tuple(self._portal_changes())

    def partner(self, number: int) -> "PartnerHistory":
        return PartnerHistory(self, number)

    def _portal_changes(self) -> Iterator[Fact]:
        """A significant change every other year, a minor one in the year between."""
        random = Random(f"{self.seed}/portal changes")
        for year in range(BEGIN.year, END.year):
            announced_at = datetime(year, random.randint(2, 6), random.randint(1, 28), 9, tzinfo=UTC)
            change = PortalChangeDeclared(
                portal_change_id=f"CH{year}",
                products=PRODUCTS if year % 4 else PRODUCTS[:1],
                significant=year % 2 == 0,
                due_on=(announced_at + timedelta(days=MAINTENANCE_DAYS)).date(),
                summary=f"Provisioning Portal {year}",
            )
            yield reported(random, announced_at, change, announced_at)


class PartnerHistory:
    """What is reported of one partner and of the people who start there.

    `own`: facts about the partner alone. `people`: of each consultant, all facts ever, also after
    moving to another partner. Both by recording.
    """

    def __init__(self, population: Population, number: int) -> None:
        self.random = Random(f"{population.seed}/{number}")
        self.population = population
        self.number = number
        self.partner_id = f"P{number}"
        self.kind: Kind = self.random.choices(("VAR", "DEVELOPER"), (3, 1))[0]
        self.products = PRODUCTS if self.random.random() < 0.75 else PRODUCTS[:1]
        self.begins_at = BEGIN + self.random.random() * 0.7 * (END - BEGIN)
        self.own: list[Fact] = []
        self.people: dict[str, list[Fact]] = {}
        self._partner_facts()
        for _ in range(self._positions()):
            self._position()
        self.own.sort(key=_by_recording)
        for facts in self.people.values():
            facts.sort(key=_by_recording)

    def _positions(self) -> int:
        if self.kind == "DEVELOPER":
            return self.random.choices((1, 2, 5), (80, 15, 5))[0]
        sizes, weights = zip(*CONSULTANTS_OF_A_VAR, strict=True)
        return int(self.random.choices(sizes, weights)[0])

    def _partner_facts(self) -> None:
        random, partner = self.random, self.partner_id
        programme = random.choice(("PARTNER_SUCCESS", "PARTNER_SUCCESS", "PARTNER_SUCCESS_PLUS"))
        self._own(self.begins_at, PartnerEnrolled(partner_id=partner, kind=self.kind, programme=programme))
        if random.random() < 0.1:
            self._own(
                self._after_begin(), PartnerProgrammeChanged(partner_id=partner, programme="PARTNER_SUCCESS_PLUS")
            )
        if random.random() < 0.03:
            left_at = self._after_begin()
            self._own(left_at, PartnerProgrammeChanged(partner_id=partner, programme="NONE"))
            if random.random() < 0.5:
                back_at = left_at + random.randint(20, 400) * DAY
                self._own(back_at, PartnerProgrammeChanged(partner_id=partner, programme="PARTNER_SUCCESS"))
        if random.random() < 0.02:
            other: Kind = "VAR" if self.kind == "DEVELOPER" else "DEVELOPER"
            self._own(self._after_begin(), PartnerKindChanged(partner_id=partner, kind=other))
        if random.random() < 0.01:
            self._own(self._after_begin(), PartnerClosed(partner_id=partner))
        elif random.random() < 0.01:
            into = self._another_partner()
            if into != partner:
                self._own(self._after_begin(), PartnersMerged(partner_id=partner, into=into))

    def _own(self, effective_at: datetime, data: Reported) -> None:
        if effective_at < END:
            self.own.append(self.reported(effective_at, data))

    def _after_begin(self) -> datetime:
        return self.begins_at + (0.1 + 0.9 * self.random.random()) * (END - self.begins_at)

    def _another_partner(self) -> str:
        return f"P{self.random.randrange(self.population.partners)}"

    def _position(self) -> None:
        """One person after another, with a gap that mostly fits into a replacement window."""
        joined_at = self.begins_at + self.random.random() * 60 * DAY
        while joined_at < END:
            left_at = joined_at + self.random.expovariate(1 / TENURE_DAYS_MEAN) * DAY
            self._person(joined_at, left_at)
            gap_days = self.random.choices((8, 25, 200), (60, 30, 10))[0] * (0.2 + self.random.random())
            joined_at = left_at + gap_days * DAY

    def _person(self, joined_at: datetime, left_at: datetime) -> None:
        """A whole career; one leaver in ten goes on at another partner."""
        consultant = f"C{self.number}-{len(self.people)}"
        person = _Person(self, consultant)
        person.works_for(self.partner_id, joined_at, left_at)
        if left_at < END and self.random.random() < 0.1:
            moved_at = left_at + self.random.randint(0, 60) * DAY
            left_at = moved_at + self.random.expovariate(1 / TENURE_DAYS_MEAN) * DAY
            person.works_for(self._another_partner(), moved_at, left_at)
        person.studies(joined_at, left_at)
        self.people[consultant] = person.facts

    def reported(self, effective_at: datetime, data: Reported) -> Fact:
        """Recorded at once, or (2 %) days late."""
        delay_days = self.random.expovariate(0.1) if self.random.random() < LATE_SHARE else 0.0
        return reported(self.random, effective_at, data, effective_at + delay_days * DAY)


class _Person:
    def __init__(self, partner: PartnerHistory, consultant_id: str) -> None:
        self.partner = partner
        self.random = partner.random
        self.consultant_id = consultant_id
        self.facts: list[Fact] = []
        self.registrations = 0

    def works_for(self, partner_id: str, joined_at: datetime, left_at: datetime) -> None:
        self._add(joined_at, ConsultantLinked(partner_id=partner_id, consultant_id=self.consultant_id))
        departure = ConsultantLeft(partner_id=partner_id, consultant_id=self.consultant_id)
        left = self._add(left_at, departure)
        if self.random.random() < CORRECTED_SHARE:
            self._in_error(self._add(joined_at + (left_at - joined_at) / 2, departure))
        if left is not None and self.random.random() < CORRECTED_SHARE:
            self._in_error(left)
            self._add(left_at + DAY, departure)

    def studies(self, joined_at: datetime, left_at: datetime) -> None:
        """Certified for the partner's products, and kept so through every portal change."""
        for product in self.partner.products:
            begun_at = joined_at + self.random.expovariate(1 / 12) * DAY
            if self.random.random() < 0.12:
                recognition = CertificationRecognised(consultant_id=self.consultant_id, product=product)
                self._add(begun_at, recognition)
            else:
                self._course_and_exam(product, None, begun_at)
            if self.random.random() < 0.003:
                revocation = RevocationOrdered(consultant_id=self.consultant_id, product=product)
                self._add(begun_at + self.random.randint(30, 900) * DAY, revocation)
            for change in self.partner.population.portal_changes:
                announced_at, data = change.effective_at, change.data
                assert isinstance(data, PortalChangeDeclared)
                if data.significant and product in data.products and begun_at < announced_at < left_at:
                    self._maintain(product, data.portal_change_id, announced_at)

    def _maintain(self, product: str, change: str, announced_at: datetime) -> None:
        draw = self.random.random()
        if draw < MAINTENANCE_NEVER_SHARE:
            return
        late = draw < MAINTENANCE_NEVER_SHARE + MAINTENANCE_LATE_SHARE
        after_days = MAINTENANCE_DAYS + 40 * self.random.random() if late else 95 * self.random.random()
        self._course_and_exam(product, change, announced_at + after_days * DAY)

    def _course_and_exam(self, product: str, change: str | None, begun_at: datetime) -> None:
        course = CourseCompleted(consultant_id=self.consultant_id, product=product, portal_change_id=change)
        self._add(begun_at, course)
        registered_at = begun_at + self.random.random() * DAY
        for _ in range(3):
            if self._exam(product, change, registered_at):
                return
            registered_at += 14 * DAY

    def _exam(self, product: str, change: str | None, registered_at: datetime) -> bool:
        """Whether one of the two attempts passed."""
        registration = f"{self.consultant_id}-{self.registrations}"
        self.registrations += 1
        registered = ExamRegistered(
            registration_id=registration, consultant_id=self.consultant_id, product=product, portal_change_id=change
        )
        registered_at = self._prompt(registered_at, registered)
        for attempt in (1, 2):
            passed = self.random.random() < (0.65 if change is None else 0.8)
            score = _percent(self.random.uniform(80, 100) if passed else self.random.uniform(40, 79.99))
            scored_at = registered_at + attempt * 3 * DAY + self.random.random() * DAY
            self._add(scored_at, AttemptScored(registration_id=registration, attempt=attempt, score=score))
            if self.random.random() < CORRECTED_SHARE:
                corrected = _percent(self.random.uniform(70, 95))
                correction = ScoreCorrected(registration_id=registration, attempt=attempt, score=corrected)
                self._add(scored_at + self.random.randint(15, 60) * DAY, correction)
            if passed:
                return True
        return False

    def _add(self, effective_at: datetime, data: Reported) -> Fact | None:
        """None: the world ends before."""
        if effective_at >= END:
            return None
        fact = self.partner.reported(effective_at, data)
        self.facts.append(fact)
        return fact

    def _prompt(self, effective_at: datetime, data: Reported) -> datetime:
        """Never late: what belongs to a registration arrives after it."""
        if effective_at < END:
            self.facts.append(reported(self.random, effective_at, data, effective_at))
        return effective_at

    def _in_error(self, fact: Fact | None) -> None:
        if fact is not None:
            voided_at = fact.recorded_at + self.random.randint(1, 20) * DAY
            self.facts.append(reported(self.random, voided_at, FactVoided(fact_id=fact.fact_id), voided_at))


def reported(random: Random, effective_at: datetime, data: Reported, recorded_at: datetime) -> Fact:
    fact_id = str(UUID(int=random.getrandbits(128), version=4))
    return Fact(
        fact_id=fact_id,
        effective_at=effective_at,
        recorded_at=recorded_at,
        data=data,
        actor="benchmark",
        correlation_id=fact_id,
    )


def _by_recording(fact: Fact) -> datetime:
    return fact.recorded_at


def _percent(score: float) -> str:
    return f"{score:.2f}"
