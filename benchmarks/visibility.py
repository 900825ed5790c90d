"""From the answer to a POST to the first GET that shows the fact, over HTTP, against the library with FastAPI.

`python -m benchmarks.visibility [--facts 100] [--rounds 5]`. Eight writers each POST a fact, then GET until the answer
names the consultant of that fact, and go on with the next. Ours: certification, compliance and its follower, a process
each; the library's: its stock application behind a POST, and its stock `ProjectionRunner` with a view in PostgreSQL
behind a GET, a process each (`benchmarks.stock_http`). Both GETs are asked plainly, and with the position that the POST
answered: ours waits for it with `min_position`, the library with `wait()`. Rounds alternate; the consultants are
recognised before, so that ours are counted once they are linked.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import count
from typing import NamedTuple

import msgspec
import uvloop

from benchmarks.command_line import options
from benchmarks.servers import Client, certification, compliance, following, server, serving
from benchmarks.stock import Links, environment
from benchmarks.stock_http import reading, writing
from services.host.database_urls_and_roles import Databases

WRITERS = 8
FACTS_OF_A_PARTNER = 10
"""So few that neither answer grows."""


class Service(NamedTuple):
    """Where facts are posted and where their effect is read."""

    write_port: int
    write_path: str
    read_port: int
    read_path: str


class Posted(msgspec.Struct):
    """What both POSTs answer."""

    position: int


async def write_and_read(service: Service, consultants: Iterable[str], query: bool) -> list[float]:
    """Milliseconds from the answer to each POST to the answer that names its consultant; one caller.

    `query`: the GET says the position that the POST answered.
    """
    writer, reader = await Client.connect(service.write_port), await Client.connect(service.read_port)
    taken = []
    partner_id = ""
    for number, consultant_id in enumerate(consultants):
        if number % FACTS_OF_A_PARTNER == 0:
            partner_id = f"P{consultant_id}"
        body, name = f'{{"consultant_id":"{consultant_id}"}}'.encode(), f'"{consultant_id}"'.encode()
        answer = await writer.post(service.write_path.format(partner_id), f"link-{consultant_id}", body)
        started = time.perf_counter()
        path = service.read_path.format(partner_id)
        if query:
            path += f"?min_position={msgspec.json.decode(answer, type=Posted).position}"
        while name not in await reader.get(path, (b"200", b"404")):
            pass
        taken.append(1000 * (time.perf_counter() - started))
    return taken


async def recognise(port: int, consultants: Iterable[str]) -> None:
    """Has the consultants recognised."""
    client = await Client.connect(port)
    for consultant_id in consultants:
        body = f'{{"consultant_id":"{consultant_id}","product":"S200P"}}'.encode()
        await client.post("/certification/v1/recognised-certifications", f"recognise-{consultant_id}", body)


async def together(call: Callable[[list[str]], Awaitable[list[float] | None]], names: list[str]) -> list[float]:
    """What all writers measured, each with its share of the consultants."""
    shares = [names[first::WRITERS] for first in range(WRITERS)]
    return [one for taken in await asyncio.gather(*map(call, shares)) for one in taken or ()]


async def compare(ours: Service, stock: Service, facts: int, rounds: int) -> None:
    """Prints the medians of the rounds."""
    numbers = count()
    for query in (False, True):
        figures: dict[str, list[tuple[float, float]]] = {"ours": [], "library": []}
        for turn in range(rounds + 1):
            for name, service in (("ours", ours), ("library", stock)):
                names = [f"C{next(numbers)}" for _ in range(WRITERS * facts)]
                if service is ours:
                    await together(partial(recognise, ours.write_port), names)
                    await asyncio.sleep(0.5)  # the follower has seen them
                taken = await together(partial(write_and_read, service, query=query), names)
                if turn:  # the first round warms up
                    figures[name].append((statistics.median(taken), statistics.quantiles(taken, n=20)[-1]))
        _say("with the position" if query else "plain GETs", figures)


def _say(how: str, figures: dict[str, list[tuple[float, float]]]) -> None:
    ours, library = (list(zip(*found, strict=True)) for found in figures.values())
    print(f"POST answered to visible, {WRITERS} writers, {how}:", end="")
    for name, mine, theirs in zip(("p50", "p95"), ours, library, strict=True):
        ratio = statistics.median(other / one for one, other in zip(mine, theirs, strict=True))
        print(f" {name} {statistics.median(mine):.2f} ms; library {statistics.median(theirs):.2f} ms", end="")
        print(f" = {ratio:.1f}x quicker;", end="")
    print(flush=True)


def measure(databases: Databases, facts: int, rounds: int) -> None:
    """Measures both on one server."""
    Links(environment(databases.owner_url)).close()  # makes the tables, which two processes cannot make at once
    with (
        following(databases.follower_url),
        serving(certification, databases.certification_url) as certification_port,
        serving(compliance, databases.compliance_url) as compliance_port,
        serving(writing, databases.owner_url) as writing_port,
        serving(reading, databases.owner_url) as reading_port,
    ):
        links = "/partners/{}/consultants"
        ours = Service(
            certification_port,
            f"/certification/v1{links}",
            compliance_port,
            "/compliance/v1/partners/{}/compliance/S200P",
        )
        uvloop.run(compare(ours, Service(writing_port, links, reading_port, links), facts, rounds))


def main() -> None:
    """Starts a server of its own and measures on it."""
    arguments = options(__doc__, facts=100, rounds=5)
    with server(None) as databases:
        measure(databases, arguments.facts, arguments.rounds)


if __name__ == "__main__":
    main()
