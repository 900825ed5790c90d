"""Batches in which each line depends on those before it: decided as single calls are, and each at a cost of its own."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from services.certification import record_batch
from services.certification.api import batches
from services.certification.decision import RequestReceipt, decide
from services.certification.domain.fact_report import FactReport
from services.certification.event_store import loaded_subjects
from services.certification.event_store.stored_facts import Loaded, stored_fact
from tests.certification.caller import Caller
from tests.certification.conftest import calling
from tests.certification.test_batches import Batched, Line, Singly, comparable, log, ndjson, send
from tests.databases import Database

EXAMS = "/certification/v1/exam-registrations"
ABOUT_PEOPLE = (
    "/certification/v1/course-completions",
    "/certification/v1/recognised-certifications",
    "/certification/v1/certification-revocations",
)
REGISTRATIONS = ("R1", "R2", "R3", "M1", "M2")
LINES = 90
"""Of one history; most are about one person."""


def line(random: Random, key: str, told: Sequence[str]) -> Line:
    """Something about few people: dated out of order, or not at all, corrected, voided, contradicted or held."""
    person, product = random.choice(("C1", "C1", "C1", "C2")), random.choice(("S200P", "S200P", "S200S"))
    registration = random.choice(REGISTRATIONS)
    change = random.choice(("CH1", "CH2"))
    dated = {"effective_at": f"2026-01-{random.randint(1, 9):02}T09:00:00Z"} if random.random() < 0.85 else {}
    about = {"consultant_id": person, "product": product, **dated}
    attempt, score = random.choice((1, 2)), random.choice(("70", "79.99", "80", "90"))
    kind = random.choice(("fact", "fact", "register", "register", "score", "score", "score", "correct", "void", "link"))
    match kind:
        case "fact":
            path = random.choice(ABOUT_PEOPLE)
            more = {"reason": "lapse"} if path == ABOUT_PEOPLE[2] else {}
            training = path == ABOUT_PEOPLE[0] and random.random() < 0.5
            return Line(key, path, about | more | ({"portal_change_id": change} if training else {}))
        case "register":
            assessment = {"portal_change_id": change} if registration.startswith("M") else {}
            return Line(key, EXAMS, {"registration_id": registration, **about, **assessment})
        case "score":
            return Line(key, f"{EXAMS}/{registration}/attempts", {"attempt": attempt, "score": score, **dated})
        case "correct":
            path = f"{EXAMS}/{registration}/attempts/{attempt}/corrections"
            return Line(key, path, {"score": score, "reason": "re-marked", **dated})
        case "void" if told:
            return Line(key, f"/certification/v1/facts/{random.choice(told)}/void", {"reason": "an error"})
        case _:
            return Line(key, "/certification/v1/partners/P1/consultants", {"consultant_id": person, **dated})


async def tell(one: Singly | Batched, other: Singly | Batched, random: Random) -> list[list[dict[str, Any]]]:
    """Both record the same history in parts; a line may void what an earlier part recorded, and answers repeat."""
    answers: list[list[dict[str, Any]]] = [[], []]
    told: list[list[str]] = [[], []]
    lines: list[Line] = []
    while len(answers[0]) < LINES:
        state = random.getstate()
        for number, recorder in enumerate((one, other)):
            random.setstate(state)
            part = [line(random, f"k{len(lines) + at}", told[number]) for at in range(random.choice((1, 10, 40)))]
            part += random.sample(lines, min(len(lines), 5)) + random.sample(part, 1)
            found = await recorder.record(part)
            answers[number] += found
            told[number] += [answer["body"]["fact_id"] for answer in found if answer["status"] in (201, 202)]
        lines += [each for each in part if "/facts/" not in each.path]
    return answers


@pytest.mark.parametrize("seed", range(10))
async def test_lines_about_few_people_are_decided_as_single_calls_are(
    database: Database, other_database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Whether a run loads a person whole, keeps what an earlier run loaded, or leaves the lines to single calls."""
    random = Random(seed)
    run_max = random.choice((3, 8, 256))
    monkeypatch.setattr(batches, "RUN_MAX", run_max)
    monkeypatch.setattr(record_batch, "FACTS_MIN", random.choice((5, 20, 500)))
    monkeypatch.setattr(record_batch, "FACTS_PER_LINE", random.choice((0, 50)))
    monkeypatch.setattr(record_batch, "KEPT_MAX", random.choice((30, 100_000)))
    async with calling(database, sandbox=False) as one, calling(other_database, sandbox=False) as other:
        singly, batched = await tell(Singly(one), Batched(other), random)
    assert [comparable(answer) for answer in batched] == [comparable(answer) for answer in singly]
    assert log(other_database) == log(database)


async def test_a_registration_stays_in_force_where_an_earlier_voided_one_is_found_after_it(
    database: Database, other_database: Database
) -> None:
    """A void whose key was used before names the second registration; then its stream is loaded, with the first one."""
    path, register = f"{EXAMS}/R1/attempts", {"registration_id": "R1", "consultant_id": "C1", "product": "S200P"}
    at = {"effective_at": "2026-01-05T09:00:00Z"}
    answers, logs = [], []
    for kind, each in ((Singly, database), (Batched, other_database)):
        async with calling(each, sandbox=False) as caller:
            recorder = kind(caller)
            first = await recorder.record([Line("first", EXAMS, register | at)])
            void = f"/certification/v1/facts/{first[0]['body']['fact_id']}/void"
            await recorder.record([Line("void", void, {"reason": "an error"})])
            again = await recorder.record([Line("again", EXAMS, register | at)])
            void = f"/certification/v1/facts/{again[0]['body']['fact_id']}/void"
            refused = Line("again", void, {"reason": "an error"})
            score = Line("score", path, {"attempt": 1, "score": "85", **at})
            answers.append([comparable(answer) for answer in await recorder.record([refused, score])])
            logs.append(log(each))
    assert [answer["status"] for answer in answers[1]] == [422, 201]
    assert answers[0] == answers[1]
    assert logs[0] == logs[1]


async def test_what_another_caller_tells_before_a_link_counts_in_the_lines_after_it(
    caller: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link is appended whatever else is recorded about the person, so that no conflict shows what came before it."""
    about = {"consultant_id": "C1", "product": "S200P", "effective_at": "2026-01-05T09:00:00Z"}
    course = Line("course", ABOUT_PEOPLE[0], about)
    take_run = record_batch.BatchRecorder.take_run

    async def taking(self: Any, store: Any, run: Any) -> Any:
        if run[0].receipt.idempotency_key == "link":
            await Singly(caller).record([course])
        return await take_run(self, store, run)

    monkeypatch.setattr(batches, "RUN_MAX", 1)
    monkeypatch.setattr(record_batch.BatchRecorder, "take_run", taking)
    lines = [
        Line("register", EXAMS, {"registration_id": "R1", **about}),
        Line("link", "/certification/v1/partners/P1/consultants", {"consultant_id": "C1"}),
        Line("score", f"{EXAMS}/R1/attempts", {"attempt": 1, "score": "85", "effective_at": about["effective_at"]}),
    ]
    assert [answer["status"] for answer in await send(caller, ndjson(lines))] == [201, 201, 201]
    assert "com.sage.partnercloud.consultant-certified.v1" in [topic for _, topic, *_ in log(database)]


def exams(number: int) -> list[Line]:
    """A registration of the one person that is passed at once, and corrected."""
    path = f"{EXAMS}/R{number}/attempts"
    at = {"effective_at": f"2026-01-{1 + number % 28:02}T09:00:00Z"}
    about = {"consultant_id": "C1", "product": "S200P", **at}
    return [
        Line(f"{number}-register", EXAMS, {"registration_id": f"R{number}", **about}),
        Line(f"{number}-score", path, {"attempt": 1, "score": "85", **at}),
        Line(f"{number}-correct", path + "/1/corrections", {"score": "90", "reason": "re-marked", **at}),
        Line(f"{number}-recognise", ABOUT_PEOPLE[1], about),
    ]


async def test_a_line_looks_at_no_more_after_a_tenfold_batch(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted: the facts that each decision of a batch about one person looks at, and the rows that it loads."""
    looked_at: list[int] = []
    loaded: list[int] = []

    def counting(report: FactReport, data: Any, known: Loaded, receipt: RequestReceipt) -> Any:
        looked_at.append(len(known.facts))
        return decide(report, data, known, receipt)

    def counting_rows(columns: Sequence[Any]) -> Any:
        loaded.append(1)
        return stored_fact(columns)

    monkeypatch.setattr(record_batch, "decide", counting)
    monkeypatch.setattr(loaded_subjects, "stored_fact", counting_rows)
    answers = await send(caller, ndjson(exam for number in range(500) for exam in exams(number)))
    assert {answer["status"] for answer in answers} == {201}
    assert len(looked_at) == len(answers)
    assert max(looked_at[-100:]) == max(looked_at[:100])
    assert len(loaded) == 0
    again = await send(caller, ndjson(exams(501)))
    assert {answer["status"] for answer in again} == {201}
    assert len(loaded) <= loaded_subjects.FACTS_MIN + 1 + loaded_subjects.FACTS_PER_LINE * len(again)
