"""Those who call the system under load: writers, askers, and who reads the feeds; and what they were answered."""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Final

import aiohttp
import msgspec

from tests.faults.receiver import Delivered
from tests.faults.traffic import RECORDED, Command, Recorded, Seen

BULK_CALLERS: Final = 8
PARTNERS: Final = 100
BULK_PEOPLE: Final = 2_000
THINK_SECONDS: Final = 0.02
"""How long an asker waits between an answer and the next question."""

CALL_SECONDS_MAX: Final = 30.0
BIGGEST: Final = "bulk"


class FeedEvent(msgspec.Struct):
    """As much of an event as is compared."""

    id: str
    position: int
    type: str


class Message(FeedEvent):
    """As much of a message as is compared."""

    epoch: int
    sequence: int


class Load:
    """What was called, answered and received."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base, self._session = base, session
        self.taken_ms: dict[str, list[float]] = defaultdict(list)
        self.refused: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.recorded: list[Recorded] = []
        self.delivered: dict[str, list[Delivered]] = defaultdict(list)
        self.idle_events = 0
        self.over = asyncio.Event()
        self.bulk: asyncio.Task[None] | None = None
        """Recording the biggest partner, once that has begun."""
        self.biggest_enrolled = False

    def phase(self, what: str) -> str:
        """The name of a figure, which differs while the bulk load runs."""
        return f"{what}, during the bulk load" if self.bulk is not None and not self.bulk.done() else what

    async def call(self, what: str, method: str, path: str, **more: Any) -> tuple[int, bytes]:
        """Calls, and notes how long that took and how it ended. Status 0: the call broke."""
        began = time.perf_counter()
        what = self.phase(what)
        try:
            async with self._session.request(method, self.base + path, **more) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError) as problem:
            self.failed[f"{what}: {problem!r}"] += 1
            return 0, b""
        self.taken_ms[what].append(1000 * (time.perf_counter() - began))
        if response.status == 503 and "Retry-After" in response.headers:
            self.refused[what] += 1
        elif response.status not in RECORDED:
            self.failed[f"{what}: {response.status} {answer[:200]!r}"] += 1
        return response.status, answer

    async def record(self, what: str, key: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Posts a fact until it is recorded."""
        while True:
            headers = {"Idempotency-Key": key}
            status, answer = await self.call(what, "POST", f"/certification/v1/{path}", json=body, headers=headers)
            if status in RECORDED:
                now = time.monotonic()
                self.recorded.append(Recorded(key, Command(path, body), answer, now, now))
                return dict(json.loads(answer))
            await asyncio.sleep(0.2)


def partner(number: int) -> str:
    """Its id."""
    return f"P{number % PARTNERS}"


async def write(load: Load, writer: int, seconds_each: float) -> None:
    """Records facts about the hundred partners at a steady pace: people who join, are certified and perhaps leave."""
    random = Random(writer)
    next_at = time.monotonic() + random.random() * seconds_each
    for number in count(1):
        person, where = f"W{writer}-C{number}", partner(random.randrange(PARTNERS))
        steps: list[tuple[str, dict[str, Any]]] = [
            (f"partners/{where}/consultants", {"consultant_id": person}),
            ("recognised-certifications", {"consultant_id": person, "product": random.choice(("S200P", "S200S"))}),
            (f"partners/{where}/departures", {"consultant_id": person}),
        ]
        for step, (path, body) in enumerate(steps[: random.choice((2, 2, 3))]):
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))
            next_at = max(next_at + seconds_each, time.monotonic())
            if load.over.is_set():
                return
            await load.record("append", f"w{writer}-{number}-{step}", path, body)


def bulk_facts() -> list[tuple[str, dict[str, Any]]]:
    """Of 2,000 people, five facts each from the last three years, shuffled."""
    random, facts = Random(7), list[tuple[str, dict[str, Any]]]()
    now = datetime.now(UTC)
    for number in range(BULK_PEOPLE):
        person = {"consultant_id": f"B-C{number}"}
        days = sorted(random.sample(range(30, 1000), 4), reverse=True)
        joined, left, joined_again, certified = (
            {"effective_at": (now - timedelta(days=day, seconds=random.randrange(86_400))).isoformat()} for day in days
        )
        product = {"product": random.choice(("S200P", "S200S"))}
        facts += [
            (f"partners/{BIGGEST}/consultants", {**person, **joined}),
            (f"partners/{BIGGEST}/departures", {**person, **left}),
            (f"partners/{BIGGEST}/consultants", {**person, **joined_again}),
            ("recognised-certifications", {**person, **product, **certified}),
            ("course-completions", {**person, **product, **joined}),
        ]
    random.shuffle(facts)
    return facts


async def record_in_bulk(load: Load) -> None:
    """The biggest partner, out of order, as fast as its facts are taken; prints when the last one is in an answer."""
    began = time.perf_counter()
    long_ago = (datetime.now(UTC) - timedelta(days=1100)).isoformat()
    body = {"partner_id": BIGGEST, "kind": "VAR", "programme": "PARTNER_SUCCESS", "effective_at": long_ago}
    await load.record("bulk append", "bulk", "partners", body)
    load.biggest_enrolled = True
    facts = iter(enumerate(bulk_facts()))

    async def caller() -> None:
        for number, (path, fact) in facts:
            await load.record("bulk append", f"bulk-{number}", path, fact)

    await asyncio.gather(*(caller() for _ in range(BULK_CALLERS)))
    taken = time.perf_counter() - began
    last = max(json.loads(one.answer)["position"] for one in load.recorded[-100:])
    recorded_at = time.perf_counter()
    await answer_with(load, "bulk visible", BIGGEST, last)
    visible = time.perf_counter() - recorded_at
    print(
        f"bulk: {5 * BULK_PEOPLE:,} facts recorded in {taken:.1f} s, the last one visible {visible:.2f} s later",
        flush=True,
    )


async def answer_with(load: Load, what: str, about: str, position: int) -> None:
    """Asks about a partner until the answer has the fact of that position in it."""
    status = 0
    while status != 200:
        status, _ = await load.call(what, "GET", f"/compliance/v1/partners/{about}?min_position={position}")
        if status != 200:
            await asyncio.sleep(0.02)


async def look(load: Load) -> None:
    """Once a second, the time from the start of a POST about a small partner until an answer has the fact in it."""
    for number in count():
        if load.over.is_set():
            return
        began, phase = time.perf_counter(), load.phase("fact to fresh answer")
        body = {"consultant_id": f"V-C{number}"}
        recorded = await load.record("append of one that looks", f"v-{number}", "partners/P0/consultants", body)
        await answer_with(load, "answer to one that looks", "P0", recorded["position"])
        load.taken_ms[phase].append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(1)


async def ask(load: Load, what: str, question: Callable[[Random], str]) -> None:
    """One question after the other."""
    random = Random(what)
    while not load.over.is_set():
        await load.call(what, "GET", f"/compliance/v1/{question(random)}")
        await asyncio.sleep(THINK_SECONDS)


def live(random: Random) -> str:
    """About any partner."""
    return f"partners/{partner(random.randrange(PARTNERS))}/compliance/{random.choice(('S200P', 'S200S'))}"


def as_of(load: Load) -> Callable[[Random], str]:
    """About the biggest partner, once there is one, at any instant of its history."""

    def question(random: Random) -> str:
        about, days = (BIGGEST, 1_000.0) if load.biggest_enrolled else (partner(0), 0.0001)
        at = datetime.now(UTC) - timedelta(days=random.uniform(0, days))
        return f"partners/{about}/compliance/S200P?at={at:%Y-%m-%dT%H:%M:%S.%fZ}"

    return question


def lists(random: Random) -> str:
    """Of partners and of windows."""
    return random.choice(
        ("partners?limit=100", "partners?status=compliant&product=S200P", "windows?status=open&limit=100")
    )


async def idle(load: Load, session: aiohttp.ClientSession, number: int) -> None:
    """A stream that is told nothing."""
    feed = "compliance" if number % 2 else "certification"
    url = f"{load.base}/{feed}/v1/events?partner_id=nobody-{number}"
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with session.get(url, headers={"Accept": "text/event-stream"}, timeout=timeout) as response:
        if response.status != 200:
            load.failed[f"stream: {response.status}"] += 1
            return
        async for line in response.content:
            load.idle_events += line.startswith(b"data:")
    if not load.over.is_set():
        load.failed["stream: ended"] += 1


async def follow(load: Load, session: aiohttp.ClientSession, seen: Seen) -> None:
    """Reads a whole feed as it comes."""
    url = f"{load.base}/{seen.feed}/v1/events?after=0"
    async with session.get(
        url, headers={"Accept": "text/event-stream"}, timeout=aiohttp.ClientTimeout(total=None)
    ) as response:
        async for line in response.content:
            if line.startswith(b"data:"):
                event = msgspec.json.decode(line[5:], type=FeedEvent)
                seen.events.append((event.position, event.id))
