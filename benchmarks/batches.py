"""Facts in a batch over HTTP, against as many single calls by eight callers, on the same server in the same run.

`python -m benchmarks.batches [--lines 10000] [--rounds 3]`. The facts are exams of people of fifty partners: a link, a
course, a registration and two scores of each, in that order. The callers share the people, and each call waits for its
answer. Rounds alternate; a figure is the median, the ratio the median of the ratios of a round.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import httpx
import uvloop

from benchmarks.command_line import options
from benchmarks.servers import Client, certification, server, serving
from services.host.database_urls_and_roles import Databases

CALLERS: Final = 8
PARTNERS: Final = 50
FACTS_OF_A_PERSON: Final = 5


class Call(NamedTuple):
    """One fact to record."""

    path: str
    key: str
    body: bytes


def calls(people: int, name: str) -> list[list[Call]]:
    """The calls about each person, in order."""
    return [list(_about(f"{name}-{number}", number)) for number in range(people)]


def _about(name: str, number: int) -> Iterator[Call]:
    of_product = {"consultant_id": name, "product": "S200P", "effective_at": "2026-01-05T09:00:00Z"}
    attempts = f"exam-registrations/{name}/attempts"
    for count, (path, body) in enumerate(
        [
            (
                f"partners/P{number % PARTNERS}/consultants",
                {"consultant_id": name, "effective_at": "2026-01-02T09:00:00Z"},
            ),
            ("course-completions", of_product),
            ("exam-registrations", {"registration_id": name, **of_product}),
            (attempts, {"attempt": 1, "score": "70", "effective_at": "2026-01-06T09:00:00Z"}),
            (attempts, {"attempt": 2, "score": "90", "effective_at": "2026-01-07T09:00:00Z"}),
        ]
    ):
        yield Call(f"/certification/v1/{path}", f"{name}-{count}", json.dumps(body).encode())


def batch_seconds(port: int, of_people: Sequence[Sequence[Call]]) -> float:
    """How long one batch of all of them takes. Raises `RuntimeError` unless every line is recorded."""
    content = b"".join(
        b'{"path":"%b","idempotency_key":"%b","body":%b}\n' % (call.path.encode(), call.key.encode(), call.body)
        for of_person in of_people
        for call in of_person
    )
    started = time.perf_counter()
    answer = httpx.post(
        f"http://127.0.0.1:{port}/certification/v1/batches",
        content=content,
        headers={"Content-Type": "application/x-ndjson"},
        timeout=600,
    )
    seconds = time.perf_counter() - started
    if answer.content.count(b'"status":201') != sum(map(len, of_people)):
        raise RuntimeError(answer.text[:1000])
    return seconds


def single_seconds(port: int, of_people: Sequence[Sequence[Call]]) -> float:
    """How long single calls of all of them take."""
    return uvloop.run(_single(port, of_people))


async def _single(port: int, of_people: Sequence[Sequence[Call]]) -> float:
    clients = [await Client.connect(port) for _ in range(CALLERS)]

    async def report(client: Client, mine: Sequence[Sequence[Call]]) -> None:
        for of_person in mine:
            for call in of_person:
                await client.post(call.path, call.key, call.body)

    started = time.perf_counter()
    await asyncio.gather(*(report(client, of_people[number::CALLERS]) for number, client in enumerate(clients)))
    return time.perf_counter() - started


def measure(databases: Databases, lines: int, rounds: int) -> None:
    """Prints facts a second and the ratio."""
    people = lines // FACTS_OF_A_PERSON
    batched: list[float] = []
    single: list[float] = []
    with serving(certification, databases.certification_url) as port:
        single_seconds(port, calls(20, "warm"))
        for turn in range(rounds):
            batched.append(batch_seconds(port, calls(people, f"b{turn}")))
            single.append(single_seconds(port, calls(people, f"s{turn}")))
    ratio = statistics.median(one / other for one, other in zip(single, batched, strict=True))
    print(
        f"{lines:,} facts in a batch: {lines / statistics.median(batched):,.0f}/s; by {CALLERS} callers: "
        f"{lines / statistics.median(single):,.0f}/s; a batch is {ratio:.1f}x as quick"
    )


def main() -> None:
    """Starts a server of its own, with fsync on, and measures on it."""
    arguments = options(__doc__, lines=10_000, rounds=3)
    with server(None) as databases:
        measure(databases, arguments.lines, arguments.rounds)


if __name__ == "__main__":
    main()
