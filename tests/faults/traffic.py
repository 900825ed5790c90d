"""Constant load over HTTP, in a thread of its own, and everything that it was answered. Imports nothing of the system.

Writers post facts, each under a key of its own, until one is answered; readers follow both feeds, by long polls and as
streams; what they saw is kept for `tests.faults.checker`.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from random import Random
from typing import Any, Final, NamedTuple

import aiohttp

WRITERS: Final = 6
PAUSE_SECONDS_MAX: Final = 0.06
CALL_SECONDS_MAX: Final = 10.0
AGAIN_SECONDS: Final = 0.05
SHARED_PARTNERS: Final = 4
REPEATED: Final = 0.05
"""How often a writer repeats an earlier call, which must be answered as the first time."""

PRODUCTS: Final = ("S200P", "S200S")
TRYING: Final = frozenset({502, 503})
"""The statuses after which a call is repeated: the system, or what stands before it, says that it cannot answer now."""

RECORDED: Final = frozenset({200, 201})


class Command(NamedTuple):
    """No two commands of a campaign have the same path and body."""

    path: str
    body: dict[str, Any]


class Recorded(NamedTuple):
    """A command that was answered. `began`, `answered`: by the monotonic clock."""

    key: str
    command: Command
    answer: bytes
    began: float
    answered: float


class Urls(NamedTuple):
    """Where the two services are. Each writer has an address of the first."""

    certification: str
    compliance: str


def commands(writer: str, random: Random) -> Iterator[Command]:
    """What a writer reports: partners, people, links, departures, exams; all by itself, but for the shared partners."""
    for number in range(SHARED_PARTNERS if writer == "W0" else 0):
        yield Command("partners", {"partner_id": f"P{number}", "kind": "VAR", "programme": "PARTNER_SUCCESS"})
    number = 0
    while True:
        number += 1
        consultant, own = f"{writer}-C{number}", f"{writer}-P{number // 8}"
        if number % 8 == 0:
            kind = random.choice(("VAR", "DEVELOPER"))
            yield Command("partners", {"partner_id": own, "kind": kind, "programme": "PARTNER_SUCCESS"})
        product = random.choice(PRODUCTS)
        partner = random.choice((own, f"P{random.randrange(SHARED_PARTNERS)}"))
        yield Command(f"partners/{partner}/consultants", {"consultant_id": consultant})
        if random.random() < 0.6:
            yield Command("recognised-certifications", {"consultant_id": consultant, "product": product})
        else:
            registration = f"R-{consultant}"
            yield Command("course-completions", {"consultant_id": consultant, "product": product})
            person = {"consultant_id": consultant, "product": product}
            yield Command("exam-registrations", {"registration_id": registration, **person})
            score = str(random.randrange(60, 100))
            yield Command(f"exam-registrations/{registration}/attempts", {"attempt": 1, "score": score})
        if random.random() < 0.4:
            yield Command(f"partners/{partner}/departures", {"consultant_id": consultant})


class Seen(NamedTuple):
    """What one reader of a feed was given, in order."""

    name: str
    feed: str
    events: list[tuple[int, str]]


class Traffic:
    """Writes and reads from `start` on."""

    def __init__(self, urls: Urls, seed: int) -> None:
        self._urls = urls
        self._seed = seed
        self._writing = True
        self._reading = True
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.recorded: list[Recorded] = []
        self.under_way: dict[str, Command] = {}
        """Sent and not answered yet, by key."""
        self.wrong: list[str] = []
        """What no fault excuses, in words."""
        self.seen = [
            Seen(f"{how} of {feed}", feed, [])
            for feed in ("certification", "compliance")
            for how in ("pages", "stream")
        ]
        self.written = False
        """Whether all writers are done."""
        self.repeated = 0
        """Calls that were answered once more."""
        self.unavailable = 0
        """Answers that said to come again, and calls that broke."""

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop_writing(self) -> None:
        """Lets every call that is under way be answered, and then has each one answered once more."""
        self._writing = False

    def stop_reading(self) -> None:
        """Ends, once nothing is written any more."""
        self._reading = False
        self._thread.join()

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=CALL_SECONDS_MAX)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            readers = [asyncio.create_task(self._read(session, seen)) for seen in self.seen]
            await asyncio.gather(*(self._write(session, f"W{number}") for number in range(WRITERS)))
            self.written = True
            while self._reading:  # noqa: ASYNC110  # another thread says when
                await asyncio.sleep(AGAIN_SECONDS)
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def _write(self, session: aiohttp.ClientSession, writer: str) -> None:
        random = Random(f"{self._seed} {writer}")
        mine: list[Recorded] = []
        for number, command in enumerate(commands(writer, random)):
            if not self._writing:
                break
            mine.append(await self.record(session, f"{self._seed}-{writer}-{number}", command))
            if random.random() < REPEATED:
                await self.repeat(session, random.choice(mine))
            await asyncio.sleep(random.random() * PAUSE_SECONDS_MAX)
        for recorded in mine:
            await self.repeat(session, recorded)

    async def record(self, session: aiohttp.ClientSession, key: str, command: Command) -> Recorded:
        """Posts the command until it is answered."""
        self.under_way[key] = command
        began = time.monotonic()
        answer = await self._post(session, key, command)
        recorded = Recorded(key, command, answer, began, time.monotonic())
        self.recorded.append(recorded)
        del self.under_way[key]
        return recorded

    async def repeat(self, session: aiohttp.ClientSession, earlier: Recorded) -> None:
        """Posts a command that was answered once more."""
        answer = await self._post(session, earlier.key, earlier.command)
        self.repeated += 1
        if answer != earlier.answer:
            self.wrong.append(f"{earlier.key} was answered {earlier.answer!r}, and then {answer!r}")

    async def _post(self, session: aiohttp.ClientSession, key: str, command: Command) -> bytes:
        url = f"{self._urls.certification}/certification/v1/{command.path}"
        while True:
            try:
                async with session.post(url, json=command.body, headers={"Idempotency-Key": key}) as response:
                    answer = await response.read()
                    if response.status in RECORDED:
                        return answer
                    if response.status not in TRYING:
                        self.wrong.append(f"{command} was answered {response.status} {answer[:500]!r}")
                        return answer
                    if response.status == 503 and "Retry-After" not in response.headers:
                        self.wrong.append(f"503 without Retry-After: {answer[:500]!r}")
            except (aiohttp.ClientError, TimeoutError):
                pass
            self.unavailable += 1
            await asyncio.sleep(AGAIN_SECONDS)

    async def _read(self, session: aiohttp.ClientSession, seen: Seen) -> None:
        base = getattr(self._urls, seen.feed)
        url = f"{base}/{seen.feed}/v1/events"
        while True:
            after = seen.events[-1][0] if seen.events else 0
            try:
                if seen.name.startswith("pages"):
                    await self._page(session, f"{url}?after={after}&limit=200&timeout=5", seen)
                else:
                    await self._stream(session, url, after, seen)
            except (aiohttp.ClientError, TimeoutError, ValueError):
                await asyncio.sleep(AGAIN_SECONDS)

    async def _page(self, session: aiohttp.ClientSession, url: str, seen: Seen) -> None:
        async with session.get(url) as response:
            if response.status != 200:
                raise ValueError(response.status)
            seen.events.extend((event["position"], event["id"]) for event in json.loads(await response.read()))

    async def _stream(self, session: aiohttp.ClientSession, url: str, after: int, seen: Seen) -> None:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        timeout = aiohttp.ClientTimeout(total=None, sock_read=30)
        async with session.get(url, headers=headers, timeout=timeout) as response:
            if response.status != 200:
                raise ValueError(response.status)
            async for line in response.content:
                if line.startswith(b"data:"):
                    event = json.loads(line[5:])
                    seen.events.append((event["position"], event["id"]))
