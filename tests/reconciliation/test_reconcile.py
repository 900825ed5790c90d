"""What differs between a transcript and the log is found, all of it, and made to agree."""

import csv
from pathlib import Path
from typing import Final

import pytest

from tests.reconciliation.transcripts import (
    LATER,
    Course,
    Exam,
    completed,
    log_length,
    reconcile,
    record,
    registered,
    scored,
    write,
)
from tests.systems import System

NOW: Final = "2022-02-01T09:00:00Z"
TOMORROW: Final = "2022-02-02T09:00:00Z"
FOUND: Final = {"lost": 400, "doubled": 300, "contradicting": 300}


@pytest.fixture
def system(one_system: System) -> System:
    one_system.reset(NOW)
    return one_system


def report_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_thousand_differences_are_found_and_made_to_agree(system: System, tmp_path: Path) -> None:
    exams = [Exam(f"R{number}", f"C{number}", f"{60 + number % 40}.50") for number in range(500)]
    courses = [Course(f"C{number}") for number in range(700)]
    record(
        system,
        [
            *map(registered, exams),
            *(scored(exam._replace(Score="59.5") if number < 200 else exam) for number, exam in enumerate(exams[:300])),
            *(completed(course._replace(Completed=LATER) if number < 100 else course)
              for number, course in enumerate(courses[:500])),
            *map(completed, courses[200:500]),
        ],
    )  # fmt: skip
    files = write(tmp_path, exams, courses)
    before = log_length(system)
    assert reconcile(system, *files) == (3, {**FOUND, "made": 0, "remaining": 1000})
    assert log_length(system) == before
    applied = reconcile(system, *files, "--apply", "--report", str(tmp_path / "report.csv"))
    assert applied == (0, {**FOUND, "made": 1000, "remaining": 0})
    assert {row["outcome"] for row in report_of(tmp_path / "report.csv")} == {"made"}
    assert reconcile(system, *files) == (0, {"made": 0, "remaining": 0})


def test_each_difference_is_named_with_what_ends_it(system: System, tmp_path: Path) -> None:
    """Corrections in the log decide what a score is; rows at odds with each other and surplus facts are for people."""
    corrected, dated, moved = Exam("R1", "C1", "78"), Exam("R2", "C2", "90"), Exam("R3", "C3", "")
    fact_ids = record(
        system,
        [
            registered(corrected),
            scored(corrected._replace(Score="82")),
            ("exam-registrations/R1/attempts/1/corrections", {"score": "78.0", "reason": "re-marked"}),
            registered(dated),
            scored(dated._replace(Taken=LATER)),
            registered(moved._replace(Learner="C4")),
            registered(Exam("R9", "C9", "")),
            completed(Course("C1")),
            completed(Course("C1", LATER)),
            completed(Course("C7", "2099-01-01T00:00:00Z")),
        ],
    )
    files = write(
        tmp_path,
        [corrected, dated, moved, moved, moved._replace(Learner="C5"), Exam("R4", "C4", "ninety")],
        [Course("C1"), Course("C2")],
    )
    status, counts = reconcile(system, *files, "--report", str(tmp_path / "report.csv"))
    assert (status, counts["remaining"]) == (3, 9)
    found = {(row["difference"], row["subject"]): row for row in report_of(tmp_path / "report.csv")}
    assert found.keys() == {
        ("contradicting", "registration_id R2, attempt 1"),
        ("contradicting", "registration_id R3"),
        ("row doubled", "registration_id R3"),
        ("rows contradicting", "registration_id R3"),
        ("surplus", "registration_id R9"),
        ("unreadable", ""),
        ("lost", "registration_id R4"),
        ("lost", "consultant_id C2, product S200P"),
        ("surplus", "consultant_id C1, product S200P"),
    }
    score = found["contradicting", "registration_id R2, attempt 1"]
    assert (score["row"], score["fact_id"], score["type"]) == ("3", fact_ids[4], "attempt-scored")
    assert f"facts/{fact_ids[4]}/void" in score["proposal"]
    assert "registration_id R2" not in score["proposal"], "a path and a body"
    assert found["surplus", "registration_id R9"]["proposal"] == ""

    system.set_clock(TOMORROW)
    applied = reconcile(system, *files, "--apply")
    assert (applied.status, applied.counts["remaining"]) == (3, 5)
    assert sorted(reconcile(system, *files).counts) == [
        "made", "remaining", "row_doubled", "rows_contradicting", "surplus", "unreadable",
    ]  # fmt: skip
    assert system.http.get("/certification/v1/exam-registrations/R3").json()["consultant_id"] == "C3"

    length = log_length(system)
    assert reconcile(system, *files, "--known-at", NOW, "--apply") == applied, "as after an interruption"
    assert log_length(system) == length, "as known at the cut-off all is found again, and nothing recorded twice"


def test_what_a_transcript_cannot_have_is_refused(system: System, tmp_path: Path) -> None:
    files, mappings = write(tmp_path, [], [])
    mappings[0].write_text(mappings[0].read_text().replace("exam-registrations", "facts"))
    assert reconcile(system, files, mappings).status == 1
