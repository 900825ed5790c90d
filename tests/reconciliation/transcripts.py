"""Transcripts of exams and courses, what a log can make of them, and `sagecert reconcile`."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from click.testing import CliRunner

from services.cli import main
from tests.systems import System

COURSES: Final = """
[[fact]]
path = "/certification/v1/course-completions"
[fact.values]
consultant_id = { column = "Learner" }
product = { constant = "S200P" }
effective_at = { column = "Completed", type = "instant" }
"""

EXAMS: Final = """
[[fact]]
path = "/certification/v1/exam-registrations"
[fact.values]
registration_id = { column = "Booking" }
consultant_id = { column = "Learner" }
product = { constant = "S200P" }
effective_at = { column = "Booked", type = "instant" }

[[fact]]
path = "/certification/v1/exam-registrations/{registration_id}/attempts"
present = ["Score"]
[fact.values]
registration_id = { column = "Booking" }
attempt = { constant = 1 }
score = { column = "Score", type = "decimal" }
effective_at = { column = "Taken", type = "instant" }
"""

BOOKED, TAKEN, COMPLETED, LATER = (f"2022-01-0{day}T09:00:00Z" for day in (3, 4, 5, 6))


class Exam(NamedTuple):
    """A row about an exam."""

    Booking: str
    Learner: str
    Score: str
    Booked: str = BOOKED
    Taken: str = TAKEN


class Course(NamedTuple):
    """A row about a course."""

    Learner: str
    Completed: str = COMPLETED


def write(directory: Path, exams: Iterable[Exam], courses: Iterable[Course]) -> tuple[list[Path], list[Path]]:
    """The files, and their mappings."""
    files, mappings = [], []
    for name, row, rows, mapping in (("exams", Exam, exams, EXAMS), ("courses", Course, courses, COURSES)):
        files.append(directory / f"{name}.csv")
        with files[-1].open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(row._fields)
            writer.writerows(rows)
        mappings.append(directory / f"{name}.toml")
        mappings[-1].write_text(mapping)
    return files, mappings


def registered(exam: Exam) -> tuple[str, dict[str, Any]]:
    body = {"registration_id": exam.Booking, "consultant_id": exam.Learner, "product": "S200P"}
    return "exam-registrations", {**body, "effective_at": exam.Booked}


def scored(exam: Exam) -> tuple[str, dict[str, Any]]:
    body = {"attempt": 1, "score": exam.Score, "effective_at": exam.Taken}
    return f"exam-registrations/{exam.Booking}/attempts", body


def completed(course: Course) -> tuple[str, dict[str, Any]]:
    body = {"consultant_id": course.Learner, "product": "S200P", "effective_at": course.Completed}
    return "course-completions", body


def record(system: System, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """Records all in one batch; the ids of the facts."""
    lines = [
        {"path": f"/certification/v1/{path}", "idempotency_key": f"seed-{number}", "body": body}
        for number, (path, body) in enumerate(calls)
    ]
    content = "\n".join(map(json.dumps, lines))
    headers = {"Content-Type": "application/x-ndjson"}
    answered = system.http.post("/certification/v1/batches", content=content, headers=headers)
    answers = [json.loads(line) for line in answered.text.splitlines()]
    assert all(answer["status"] in (201, 202) for answer in answers), answers
    return [answer["body"]["fact_id"] for answer in answers]


class Reconciled(NamedTuple):
    """The exit status, and what is counted."""

    status: int
    counts: dict[str, int]


def reconcile(system: System, files: Sequence[Path], mappings: Sequence[Path], *options: str) -> Reconciled:
    """The reconciliation of these files with the system."""
    given = [argument for mapping in mappings for argument in ("--mapping", str(mapping))]
    command = ["reconcile", *map(str, files), *given, "--url", system.url, "--json", *options]
    done = CliRunner().invoke(main, command)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Reconciled(done.exit_code, json.loads(done.stdout) if done.exit_code in (0, 3) else {})


def log_length(system: System) -> int:
    """The last position of the log."""
    after, length = -1, 0
    while after != length:
        after = length
        found = system.http.get(f"/certification/v1/events?after={after}&limit=1000").json()
        length = found[-1]["position"] if found else length
    return length
