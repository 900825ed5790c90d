"""Batches: each line is recorded and answered as the single call would be."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest

from services.certification.api import batches
from tests.certification.caller import Caller
from tests.certification.conftest import calling
from tests.databases import Database
from tests.end_to_end.client import FactClient
from tests.oracle.histories import seeded
from tests.oracle.rules import facts
from tests.oracle.rules.facts import Fact

NDJSON = "application/x-ndjson"
PATH = "/certification/v1/batches"


class Line(NamedTuple):
    key: str
    path: str
    body: dict[str, Any]


def ndjson(lines: Iterable[Line]) -> bytes:
    """One line for each, as a client writes them."""
    return b"".join(
        json.dumps({"idempotency_key": line.key, "path": line.path, "body": line.body}).encode() + b"\n"
        for line in lines
    )


async def send(caller: Caller, content: bytes, **query: str) -> list[dict[str, Any]]:
    """The answers to a batch."""
    response = await caller.http.post(PATH, content=content, params=query, headers={"Content-Type": NDJSON})
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == NDJSON
    answers = [json.loads(line) for line in response.text.splitlines()]
    assert [answer["line"] for answer in answers] == list(range(1, len(answers) + 1))
    return answers


class Singly:
    """Records lines by single calls."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def record(self, lines: Sequence[Line]) -> list[dict[str, Any]]:
        return [await self._call(line) for line in lines]

    async def _call(self, line: Line) -> dict[str, Any]:
        response = await self.caller.http.post(line.path, json=line.body, headers={"Idempotency-Key": line.key})
        answer = {"status": response.status_code, "body": response.json()}
        return answer | ({"replayed": True} if "Idempotent-Replayed" in response.headers else {})


class Batched:
    """Records lines by batches."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def record(self, lines: Sequence[Line]) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in answer.items() if name != "line"}
            for answer in await send(self.caller, ndjson(lines))
        ]


async def tell(recorder: Singly | Batched, history: Sequence[Fact], random: Random) -> list[dict[str, Any]]:
    """Records the history, cut at random and before each void of a fact that is not recorded yet."""
    client = FactClient.__new__(FactClient)
    client.fact_ids = {}
    answers: list[dict[str, Any]] = []
    waiting: list[Line] = []

    async def record() -> None:
        for line, answer in zip(waiting, await recorder.record(waiting), strict=True):
            answers.append(answer)
            if answer["status"] < 300:
                client.fact_ids.setdefault(line.key, answer["body"]["fact_id"])
        waiting.clear()

    for fact in history:
        if waiting and (isinstance(fact, facts.FactVoided) or random.random() < 0.1):
            await record()
        waiting.append(Line(fact.fact_id, *client._call(fact)))
        if random.random() < 0.1:
            waiting.append(random.choice(waiting))
    await record()
    return answers


LOG = """
    SELECT fact_id, recorded_at, state, topic, effective_at, originator_id, append_position, partner_id,
        into_partner_id, consultant_id, voided_fact_id, actor, idempotency_key, held
    FROM certification.stored_events ORDER BY notification_id
"""


def log(database: Database) -> list[tuple[str, ...]]:
    """The log without what chance gives: instants of recording, salted hashes, and the order of simultaneous decisions.

    The id of a reported fact stands as its position, that of a decision as the position of the fact that it follows; an
    instant of recording as the first position recorded then.
    """
    with psycopg.connect(database.owner_url) as connection:
        rows = connection.execute(LOG).fetchall()
    names = dict[str, str]()
    for position, (fact_id, recorded_at, state, *_) in enumerate(rows, 1):
        said = json.loads(state)
        causation_id = said.get("causation_id")
        names[fact_id] = str(position) if causation_id is None else f"after {names[causation_id]}"
        for instant in (str(recorded_at), said["recorded_at"]):
            names.setdefault(instant, f"recorded with {position}")
    plain = [
        (_plain(bytes(state), names), *(names.get(str(item), str(item)) for item in row)) for _, _, state, *row in rows
    ]
    return sorted(plain, key=lambda row: (int(row[4]), row))


def _plain(state: bytes, names: Mapping[str, str]) -> str:
    said = json.loads(state)
    del said["recorded_at"]
    text = json.dumps(said, sort_keys=True)
    for name in re.findall(r'"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:-[0-9]+)?|[0-9]{4}-[0-9:.TZ-]+)"', text):
        text = text.replace(f'"{name}"', f'"{names.get(name, name)}"')
    return re.sub(r"[0-9a-f]{64}", "hash", text)


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without ids and the instant of recording."""
    body = dict(answer["body"])
    if body.get("effective_at") == body.get("recorded_at"):
        body["effective_at"] = "recorded"
    body = {name: value for name, value in body.items() if name not in ("fact_id", "recorded_at", "detail")}
    if "recorded" in body:
        body["recorded"] = body["recorded"]["type"]
    return {**answer, "body": body}


@pytest.mark.parametrize("seed", range(12))
async def test_a_batch_records_and_answers_what_single_calls_would(
    database: Database, other_database: Database, seed: int
) -> None:
    history = seeded(seed)
    async with calling(database, sandbox=False) as one, calling(other_database, sandbox=False) as other:
        singly = await tell(Singly(one), history, Random(seed))
        batched = await tell(Batched(other), history, Random(seed))
        assert [comparable(answer) for answer in batched] == [comparable(answer) for answer in singly]
        assert log(other_database) == log(database)
        again = await tell(Batched(other), history, Random(seed))
        for first, second in zip(batched, again, strict=True):
            if first["status"] in (201, 202):
                assert second == {"status": 200, "body": first["body"], "replayed": True}


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_only_validated_is_answered_alike_and_not_recorded(database: Database, seed: int) -> None:
    history = [fact for fact in seeded(seed) if not isinstance(fact, facts.FactVoided)]
    client = FactClient.__new__(FactClient)
    lines = ndjson(Line(fact.fact_id, *client._call(fact)) for fact in history)
    async with calling(database, sandbox=False) as caller:
        checked = await send(caller, lines, validate_only="true")
        assert log(database) == []
        recorded = await send(caller, lines)
    assert [answer["status"] for answer in checked] == [answer["status"] for answer in recorded]


# Lines ---------------------------------------------------------------------------------------


LINK = "/certification/v1/partners/P1/consultants"
EXAMS = "/certification/v1/exam-registrations"
COURSES = "/certification/v1/course-completions"


def link(consultant_id: str, key: str | None = None) -> Line:
    return Line(key or f"link {consultant_id}".replace(" ", "-"), LINK, {"consultant_id": consultant_id})


async def test_a_refused_line_does_not_stop_the_others(caller: Caller) -> None:
    lines = [
        ndjson([link("C1")]),
        b"{\n",
        b"\n",
        b'{"path": 1}\n',
        b'{"path": "%s", "path": "%s", "idempotency_key": "k", "body": {}}\n' % (LINK.encode(), LINK.encode()),
        ndjson([Line("k", "/certification/v1/batches", {}), Line("k", "/nowhere", {}), Line("k", LINK, {"x": 1})]),
        b'{"path": "%s", "body": {"consultant_id": "C2"}}\n' % LINK.encode(),
        ndjson(
            [
                Line("k\u00e9", LINK, {"consultant_id": "C2"}),
                Line("k2", COURSES, {"consultant_id": "C2", "product": "X"}),
            ]
        ),
        b'{"path": "%s", "idempotency_key": "k3", "body": %s}\n' % (LINK.encode(), b"[" * 40 + b"]" * 40),
        b'\xff\xfe{"path": 1}\n',
        b'{"path": "/certification/v1/partners/P1/closure", "idempotency_key": "close"}\n',
        ndjson([link("C3")]).rstrip(),
    ]
    answers = await send(caller, b"".join(lines))
    assert [answer["status"] for answer in answers] == [201, *[422] * 4, 404, 404, *[422] * 6, 201, 201]
    assert all(answer["body"]["detail"] for answer in answers if answer["status"] >= 400)


async def test_lines_of_one_person_are_decided_one_after_the_other(caller: Caller) -> None:
    """The third run of lines depends on an instant that only the recording gives."""
    scores = "/certification/v1/exam-registrations/R1/attempts"
    lines = [
        Line("1", scores, {"attempt": 1, "score": "85"}),
        Line("2", COURSES, {"consultant_id": "C1", "product": "S200P"}),
        Line(
            "3",
            "/certification/v1/exam-registrations",
            {"registration_id": "R1", "consultant_id": "C1", "product": "S200P"},
        ),
        Line("4", scores, {"attempt": 1, "score": "85.0"}),
        Line("5", scores, {"attempt": 1, "score": "86"}),
        Line("6", scores, {"attempt": 2, "score": "30"}),
        Line("6", scores, {"attempt": 2, "score": "30"}),
        Line("6", scores, {"attempt": 2, "score": "31"}),
    ]
    answers = await send(caller, ndjson(lines))
    assert [answer["status"] for answer in answers] == [202, 201, 201, 200, 409, 201, 200, 422]
    facts = (await caller.http.get("/certification/v1/events")).json()
    assert [fact["type"].split(".")[3] for fact in facts] == [
        "attempt-scored", "course-completed", "exam-registered", "consultant-certified", "attempt-scored"
    ]  # fmt: skip
    certified = facts[3]["data"]
    assert certified["granted_at"] == facts[1]["time"]


async def test_others_may_report_about_the_same_people_meanwhile(caller: Caller) -> None:
    """Facts of others that come in between are taken into account, and nothing is lost or doubled."""
    lines = [line for number in range(60) for line in exam(f"C{number % 6}", f"R{number}")]

    async def calls() -> list[httpx.Response]:
        return [
            await caller.post("recognised-certifications", consultant_id=f"C{number % 6}", product="S200P")
            for number in range(60)
        ]

    answers, *others = await asyncio.gather(send(caller, ndjson(lines)), calls(), calls())
    assert {answer["status"] for answer in answers} == {201}
    assert {answer.status_code for answers in others for answer in answers} == {201}
    log = await caller.log()
    assert sum("causationid" not in fact for fact in log) == len(lines) + 120
    assert len([fact for fact in log if fact["type"].endswith("consultant-certified.v1")]) == 60 + 120
    at = [answer["body"]["position"] for answer in answers]
    assert at == sorted(at)


def exam(consultant_id: str, registration_id: str) -> list[Line]:
    """A registration that is passed at the second attempt; the course came first."""
    scores = f"/certification/v1/exam-registrations/{registration_id}/attempts"
    about = {"consultant_id": consultant_id, "product": "S200P", "effective_at": "2026-01-01T09:00:00Z"}
    return [
        Line(f"{registration_id}-1", COURSES, about),
        Line(
            f"{registration_id}-2",
            "/certification/v1/exam-registrations",
            {"registration_id": registration_id, **about},
        ),
        Line(f"{registration_id}-3", scores, {"attempt": 1, "score": "60", "effective_at": "2026-01-02T09:00:00Z"}),
        Line(f"{registration_id}-4", scores, {"attempt": 2, "score": "90", "effective_at": "2026-01-03T09:00:00Z"}),
    ]


# Limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"\n" * (batches.LINES_MAX + 1), 413),
        (b"x" * (batches.BATCH_BYTES_MAX + 1), 413),
    ],
)
async def test_a_batch_of_the_wrong_size_is_refused_as_a_whole(caller: Caller, content: bytes, status: int) -> None:
    response = await caller.http.post(PATH, content=content, headers={"Content-Type": NDJSON})
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert await caller.log() == []


async def test_a_batch_is_ndjson(caller: Caller) -> None:
    response = await caller.http.post(PATH, content=ndjson([link("C1")]), headers={"Content-Type": "application/json"})
    assert response.status_code == 415
    assert response.headers["Accept-Post"] == NDJSON
    assert NDJSON in response.json()["detail"]


async def test_more_batches_than_have_a_place_are_refused_before_they_are_read(caller: Caller) -> None:
    released = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield ndjson([link("C1")])
        await released.wait()

    sent = [
        asyncio.create_task(caller.http.post(PATH, content=slow(), headers={"Content-Type": NDJSON})) for _ in range(2)
    ]
    while caller.app.state.service.batches.taken < 2:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)
    refused = await caller.http.post(PATH, content=slow(), headers={"Content-Type": NDJSON})
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    released.set()
    assert [response.status_code for response in await asyncio.gather(*sent)] == [200, 200]
    assert len(await send(caller, ndjson([link("C1")]))) == 1
    assert len(await caller.log()) == 1
