"""Two years of a training system: 300 people of 40 partners, in the tables that the example mappings read."""

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from shared.events.london import LONDON

NOW: Final = datetime(2026, 6, 30, 9, tzinfo=UTC)
BEGAN: Final = datetime(2024, 7, 1, 9, tzinfo=UTC)
PARTNERS: Final = 40
PEOPLE: Final = 300
FACTS: Final = 1_473
REPLACED: Final = 10
"""Partners that lose one of two people and replace them in time."""
SUSPENDED: Final = "ACC1010"
"""Lost one of two people a year ago, and replaced nobody."""
TO_BE_SUSPENDED: Final = "ACC1011"
"""Lost one of two people 25 days ago, and replaces nobody."""
COURSES: Final = ("Sage 200 Professional", "Sage 200 Standard")

_HEADERS: Final[Mapping[str, tuple[str, str]]] = {
    "partners.csv": (",", "Account,Account name,Type,Programme,Enrolled,Left the programme"),
    "consultants.csv": (",", "Employee,Account,Joined"),
    "departures.csv": (",", "Employee,Account,Last day"),
    "exams.csv": (";", "Booking;Learner;Exam;Release;Booked;Score 1;Taken 1;Score 2;Taken 2"),
    "corrections.csv": (",", "Booking,Attempt,Corrected score,Corrected,Why"),
}


class University:
    """What the systems hold by now; each night a little more."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._rows: dict[str, list[list[str]]] = {name: [] for name in _HEADERS}
        self._courses: list[dict[str, str]] = []
        self.facts = 0
        for number in range(PARTNERS):
            self._enrol(number)
        while self.facts < FACTS:
            self._complete_course(f"E{self._random.randrange(PEOPLE):03}", COURSES[1], NOW - timedelta(days=self.facts))

    def next_night(self, night: int) -> None:
        """What happened on the day before: a course, an exam and sometimes a correction."""
        yesterday = NOW + timedelta(days=night) - timedelta(hours=6)
        self._certify(f"E{PEOPLE + night:03}", yesterday - timedelta(hours=8), passed_at_once=True)
        if night % 3 == 0:
            booking = self._random.choice([row for row in self._rows["exams.csv"] if row[5] == "90"])[0]
            self._add("corrections.csv", booking, "1", "91.5", _local(yesterday), "a question was marked wrongly")

    def write(self, directory: Path) -> list[Path]:
        """Writes every table whole, in no order, as an export does."""
        for name, (delimiter, header) in _HEADERS.items():
            rows = self._rows[name]
            self._random.shuffle(rows)
            with (directory / name).open("w", encoding="utf-8", newline="") as file:
                file.write(header + "\n")
                csv.writer(file, delimiter=delimiter).writerows(rows)
        self._random.shuffle(self._courses)
        (directory / "courses.ndjson").write_text("".join(json.dumps(row) + "\n" for row in self._courses))
        return [directory / name for name in (*_HEADERS, "courses.ndjson")]

    def _enrol(self, number: int) -> None:
        partner, enrolled = f"ACC{1000 + number}", BEGAN + timedelta(days=number)
        self._add("partners.csv", partner, "", "Reseller", "Partner Success", _local(enrolled), "")
        thin = number < REPLACED + 2
        people = [f"E{place:03}" for place in range(number, PEOPLE, PARTNERS)]
        for place, person in enumerate(people):
            self._certify(person, enrolled + timedelta(days=10 + 3 * place), self._random.random() < 0.7)
            if not thin or place < 2:
                self._add("consultants.csv", person, partner, _local(enrolled + timedelta(days=1 + place)))
        if partner == SUSPENDED:
            self._leave(people[0], partner, NOW - timedelta(days=365))
        elif partner == TO_BE_SUSPENDED:
            self._leave(people[0], partner, NOW - timedelta(days=25))
        elif thin:
            for leaver, joiner, days_ago in zip(people[:2], people[2:4], (300 + number, 150 + number), strict=True):
                left = NOW - timedelta(days=days_ago)
                self._leave(leaver, partner, left)
                joined = left + timedelta(days=self._random.randint(5, 25))
                self._add("consultants.csv", joiner, partner, _local(joined))
        elif number % 3 == 0:
            self._leave(people[-1], partner, NOW - timedelta(days=self._random.randint(30, 500)))

    def _certify(self, person: str, at: datetime, passed_at_once: bool) -> None:
        self._complete_course(person, COURSES[0], at)
        booked, taken = at + timedelta(hours=2), at + timedelta(hours=5)
        first = ["90", _local(taken)] if passed_at_once else ["61.5", _local(taken)]
        second = ["", ""] if passed_at_once else ["84.25", _local(taken + timedelta(hours=1))]
        self._add("exams.csv", f"B-{person}", person, COURSES[0], "", _local(booked), *first, *second)
        self.facts += 1 if passed_at_once else 2

    def _complete_course(self, person: str, course: str, at: datetime) -> None:
        self._courses.append({"learner": person, "course": course, "completedAt": at.isoformat()})
        self.facts += 1

    def _leave(self, person: str, partner: str, at: datetime) -> None:
        self._add("departures.csv", person, partner, at.strftime("%d/%m/%Y"))

    def _add(self, table: str, *cells: str) -> None:
        self._rows[table].append(list(cells))
        self.facts += 1


def _local(instant: datetime) -> str:
    return instant.astimezone(LONDON).strftime("%d/%m/%Y %H:%M")
