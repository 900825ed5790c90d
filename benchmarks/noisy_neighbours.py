"""Live answers and appends beside questions about the greatest partner, and appends beside readers of a feed.

`python -m benchmarks.noisy_neighbours [--rounds 3] [--people 2000]`. All of it is `sagecert up` with a PostgreSQL of
its own, over HTTP. Quiet rounds and loaded ones alternate in one run; figures are of all rounds together.
"""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from multiprocessing import get_context
from typing import Final

from benchmarks.command_line import options
from benchmarks.servers import Client, system

GREATEST: Final = "greatest"
SMALL_PARTNERS: Final = 50
SAMPLES: Final = 600
"""Live answers, and as many appends, of one round."""
QUESTIONS: Final = 100
WRITERS: Final = 8
IDLE_READERS: Final = 1_000
BUSY_READERS: Final = 300


class Latencies:
    """In milliseconds, of both kinds of call."""

    def __init__(self) -> None:
        self.live: list[float] = []
        self.append: list[float] = []

    def p99(self, kind: str) -> float:
        """The 99th percentile."""
        return statistics.quantiles(self._of(kind), n=100)[98]

    def median(self, kind: str) -> float:
        """The median."""
        return statistics.median(self._of(kind))

    def _of(self, kind: str) -> list[float]:
        return self.live if kind == "live" else self.append


async def record(port: int, facts: Sequence[tuple[str, dict[str, object]]]) -> int:
    """Posts the facts over several connections; the last position."""
    position, waiting = 0, list(enumerate(facts))[::-1]

    async def write() -> None:
        nonlocal position
        client = await Client.connect(port)
        while waiting:
            number, (path, body) = waiting.pop()
            key = f"{path}-{number}"
            answered = await client.post(f"/certification/v1/{path}", key, json.dumps(body).encode())
            position = max(position, json.loads(answered)["position"])

    await asyncio.gather(*(write() for _ in range(WRITERS)))
    return position


async def prepare(port: int, people: int) -> None:
    """One great partner with five facts for each of its people, and small ones; all applied."""
    enrolled = {"kind": "VAR", "programme": "PARTNER_SUCCESS"}
    small = [f"small{number}" for number in range(SMALL_PARTNERS)]
    await record(port, [("partners", {"partner_id": partner, **enrolled}) for partner in (GREATEST, *small)])
    facts: list[tuple[str, dict[str, object]]] = []
    for number in range(people):
        person = f"person{number}"
        facts.append((f"partners/{GREATEST}/consultants", {"consultant_id": person}))
        facts += [
            ("recognised-certifications", {"consultant_id": person, "product": product})
            for product in ("S200P", "S200S")
        ]
    began = time.perf_counter()
    position = await record(port, facts)
    recorded = time.perf_counter()
    client = await Client.connect(port)
    while True:
        try:
            await client.get(f"/compliance/v1/partners/{GREATEST}/compliance/S200P?min_position={position}")
            break
        except RuntimeError:
            continue
    seconds, applied = recorded - began, time.perf_counter() - recorded
    print(f"{position:,} facts recorded in {seconds:.1f} s, applied {applied:.1f} s after")


async def sample(port: int, into: Latencies, tag: str) -> None:
    """Live answers and appends about small partners, one after the other."""
    asking, writing = await Client.connect(port), await Client.connect(port)
    for turn in range(SAMPLES):
        partner = f"small{turn % SMALL_PARTNERS}"
        began = time.perf_counter()
        await asking.get(f"/compliance/v1/partners/{partner}/compliance/S200P")
        answered = time.perf_counter()
        body = json.dumps({"consultant_id": f"{tag}-{turn}"}).encode()
        await writing.post(f"/certification/v1/partners/{partner}/consultants", f"{tag}-{turn}", body)
        into.live.append(1000 * (answered - began))
        into.append.append(1000 * (time.perf_counter() - answered))


@asynccontextmanager
async def asking_about_the_greatest(port: int) -> AsyncIterator[None]:
    """So many callers who each ask as of another instant, again and again."""
    path = f"/compliance/v1/partners/{GREATEST}/compliance/S200P?at=2026-06-01T00:00:00Z&known_position="

    async def ask(number: int) -> None:
        client = await Client.connect(port)
        while True:
            try:
                await client.get(f"{path}{4_000 + number}")
            except RuntimeError:  # refused with 503
                await asyncio.sleep(1)

    tasks = [asyncio.create_task(ask(number)) for number in range(QUESTIONS)]
    await asyncio.sleep(2)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def reading(port: int, readers: int, query: str) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Readers of the certification feed, in a process of their own: of three two are streams, one polls."""

    @asynccontextmanager
    async def loaded() -> AsyncIterator[None]:
        ready = get_context("spawn").Event()
        process = get_context("spawn").Process(target=_read, args=(port, readers, query, ready), daemon=True)
        process.start()
        await asyncio.to_thread(ready.wait, 60)
        await asyncio.sleep(1)
        try:
            yield
        finally:
            process.kill()
            process.join()
            await asyncio.sleep(1)

    return loaded


def _read(port: int, readers: int, query: str, ready: "asyncio.Event") -> None:
    async def follow(number: int, head: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        accept = "text/event-stream" if number % 3 else "*/*"
        path, after = "/certification/v1/events", head
        while True:
            asked = (
                f"GET {path}?after={after}&timeout=60&{query} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n"
            )
            writer.write(asked.encode())
            if number % 3:
                while await reader.read(1 << 16):
                    pass
                return
            head_of_answer = await reader.readuntil(b"\r\n\r\n")
            lowered = head_of_answer.lower()
            at = lowered.index(b"content-length:") + 15
            await reader.readexactly(int(lowered[at : lowered.index(b"\r\n", at)]))
            link = lowered.index(b"after=") + 6
            after = int(lowered[link : link + 20].split(b"&")[0].split(b">")[0])

    async def run() -> None:
        client = await Client.connect(port)
        head = 0
        while found := json.loads(await client.get(f"/certification/v1/events?after={head}&limit=1000")):
            head = found[-1]["position"]
        tasks = [asyncio.create_task(follow(number, head)) for number in range(readers)]
        await asyncio.sleep(3)
        ready.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())


async def compare(
    port: int, rounds: int, name: str, loaded: Callable[[], AbstractAsyncContextManager[None]]
) -> tuple[Latencies, Latencies]:
    """Quiet rounds and loaded ones in turn."""
    quiet, beside = Latencies(), Latencies()
    for number in range(rounds):
        await sample(port, quiet, f"{name}-quiet-{number}")
        async with loaded():
            await sample(port, beside, f"{name}-loaded-{number}")
    return quiet, beside


async def measure(port: int, rounds: int, people: int) -> None:
    """Prints the figures."""
    await prepare(port, people)
    quiet, beside = await compare(port, rounds, "as-of", lambda: asking_about_the_greatest(port))
    for kind in ("live", "append"):
        ratio = beside.p99(kind) / quiet.p99(kind)
        print(
            f"{kind} beside {QUESTIONS} as-of questions about the greatest partner, p99:"
            f" {beside.p99(kind):.2f} ms against {quiet.p99(kind):.2f} ms quiet = {ratio:.2f}x;"
            f" median {beside.median(kind):.2f} against {quiet.median(kind):.2f} ms"
        )
    for readers, query, what in (
        (IDLE_READERS, "partner_id=nobody", "whose filter lets nothing through"),
        (BUSY_READERS, "", "that take everything"),
    ):
        quiet, beside = await compare(port, rounds, f"feeds-{readers}", reading(port, readers, query))
        ratio = beside.median("append") / quiet.median("append")
        print(
            f"append beside {readers:,} streams and long polls {what}, median:"
            f" {beside.median('append'):.2f} ms against {quiet.median('append'):.2f} ms = {ratio:.2f}x"
        )


def main() -> None:
    """Starts a system of its own and measures on it."""
    arguments = options(__doc__, rounds=3, people=2_000)
    with system() as url:
        asyncio.run(measure(int(url.rpartition(":")[2]), arguments.rounds, arguments.people))


if __name__ == "__main__":
    main()
