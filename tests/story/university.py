"""A university's two years with 300 people of 60 partners, the ten days that follow, and what it exports every night.

Partners by number: 0 to 9 lost two people and hired two others in time; 10 to 12 lost four long ago; 13 to 17 lost the
fourth lately, so that their windows end during the ten days; 18 to 33 lost one; the others nobody.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

FACTS: Final = 1_473
"""What the first export amounts to."""
PARTNERS: Final = 60
PEOPLE_EACH: Final = 5
BEGIN: Final = datetime(2024, 1, 8, 9, tzinfo=UTC)
NIGHT: Final = datetime(2026, 1, 5, 2, tzinfo=UTC)
"""Of the first export. All of this lies in winter, when London has UTC."""
NIGHTS: Final = 10

LATELY_LEFT: Final = {13: 8, 14: 10, 15: 12, 16: 9, 17: 11}
"""The day of December 2025 on which the fourth of five left; the window ends with the day thirty days later."""
REPLACED: Final = {2: 13, 4: 14, 6: 15, 8: 17}
"""In which night a replacement appears at which partner; 17 is too late, and 16 finds nobody."""
FAILED_ONCE, FAILED_TWICE = 55, 45


class Exam(NamedTuple):
    """A row of the export: a booking with up to two attempts."""

    Booking: str
    Learner: str
    Exam: str
    Release: str
    Booked: str
    Score_1: str
    Taken_1: str
    Score_2: str = ""
    Taken_2: str = ""


def partner(number: int) -> str:
    return f"P{number:02}"


class University:
    """What is true, and what of it is exported."""

    def __init__(self) -> None:
        self.partners: list[tuple[str, datetime]] = []
        self.joined: list[tuple[str, str, datetime]] = []
        self.left: list[tuple[str, str, date]] = []
        self.courses: list[tuple[str, datetime]] = []
        self.exams: list[Exam] = []
        self.staff: dict[str, list[str]] = {}
        for number in range(PARTNERS):
            self._two_years_of(number)

    def _two_years_of(self, number: int) -> None:
        name, begin = partner(number), BEGIN + timedelta(days=number)
        self.partners.append((name, begin))
        people = [f"{name}-{letter}" for letter in "abcde"]
        self.staff[name] = list(people)
        left: dict[str, date] = {}
        joined = dict.fromkeys(people, begin + timedelta(days=1))
        if number < 10:
            day = date(2024, 9, 2) + timedelta(days=number * 30)
            left = dict.fromkeys(people[:2], day)
            joined |= dict.fromkeys(people[3:], datetime.combine(day, time(9), UTC) + timedelta(days=15))
        elif number < 13:
            left = dict.fromkeys(people[:4], date(2025, 6, number))
        elif number < 18:
            left = {**dict.fromkeys(people[:3], date(2025, 4, number)), people[3]: date(2025, 12, LATELY_LEFT[number])}
        elif number < 34:
            left = {people[0]: date(2025, 3, number - 10)}
        for place, person in enumerate(people):
            self.joined.append((person, name, joined[person]))
            trained = (number - 34) * PEOPLE_EACH + place
            self.train(person, begin + timedelta(days=2 + place), 2 if 0 <= trained < FAILED_ONCE else 1, trained)
        for person, day in left.items():
            self.left.append((person, name, day))
            self.staff[name].remove(person)

    def train(self, person: str, begin: datetime, attempts: int = 1, trained: int = FAILED_TWICE) -> None:
        """A course, and an exam passed at the first or second attempt, or at the second registration."""
        booked, first, second = (_written(begin + timedelta(days=days)) for days in (1, 4, 11))
        self.courses.append((person, begin))
        exam = Exam(f"{person}-1", person, "Sage 200 Professional", "", booked, "86.50", first)
        if attempts == 2:
            passed = "91.00" if trained >= FAILED_TWICE else "79.99"
            exam = exam._replace(Score_1="61.25", Score_2=passed, Taken_2=second)
        self.exams.append(exam)
        if attempts == 2 and trained < FAILED_TWICE:
            third = _written(begin + timedelta(days=30))
            self.exams.append(Exam(f"{person}-2", person, "Sage 200 Professional", "", second, "88.00", third))

    def day_before(self, night: int) -> int:
        """What happens on the day before a night, some of it known late. Returns how many facts that are."""
        newcomer, place = f"new-{night}", partner(REPLACED.get(night, 18 + night))
        self.train(newcomer, NIGHT + timedelta(days=night - 8))
        self.staff[place].append(newcomer)
        facts = 4
        if night not in REPLACED:  # one comes and one goes, at once
            self.staff[place].remove(f"{place}-b")
            facts += 1
        marked = {1: ("P40-a-2", "81.50"), 3: ("P41-b-2", "8.80"), 4: ("P41-b-2", "88.00"), 9: ("P50-c-1", "79.50")}
        if night in marked:
            booking, score = marked[night]
            self.exams = [exam._replace(Score_1=score) if exam.Booking == booking else exam for exam in self.exams]
            facts += 1
        return facts

    def export(self, directory: Path) -> None:
        """Writes everything, as every night. The files are those of docs/examples."""
        enrolled = [(name, name, "Reseller", "Partner Success", _written(since), "") for name, since in self.partners]
        columns = ("Account", "Account name", "Type", "Programme", "Enrolled", "Left the programme")
        _write(directory / "partners.csv", columns, enrolled)
        joined = [(person, name, _written(since)) for person, name, since in self.joined]
        _write(directory / "consultants.csv", ("Employee", "Account", "Joined"), joined)
        left = [(person, name, f"{day:%d/%m/%Y}") for person, name, day in self.left]
        _write(directory / "departures.csv", ("Employee", "Account", "Last day"), left)
        names = [field.replace("_", " ") for field in Exam._fields]
        _write(directory / "exams.csv", names, self.exams, delimiter=";")
        with (directory / "courses.ndjson").open("w") as file:
            for person, completed in self.courses:
                course = {"learner": person, "course": "Sage 200 Professional", "completedAt": completed.isoformat()}
                file.write(json.dumps(course) + "\n")
        (directory / "staff").mkdir(exist_ok=True)
        for name, people in self.staff.items():
            (directory / "staff" / f"{name}.json").write_text(json.dumps({"consultant_ids": people}))


def _written(instant: datetime) -> str:
    return f"{instant:%d/%m/%Y %H:%M}"


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]], delimiter: str = ",") -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(rows)
