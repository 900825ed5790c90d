"""Everything at once for ten minutes: `python -m benchmarks.load [--seconds 600]`, against `sagecert up` over HTTP.

Eight writers record facts about a hundred partners, at a steady pace. Four callers ask: two for live answers, one as of
other instants about the biggest partner, one for lists. A hundred webhook endpoints: ten take everything in batches,
eighty one partner's events, ten never answer. Two hundred streams are idle: their filter lets nothing through. After a
quarter of the time a partner of 2,000 people (10,000 facts) is recorded out of order by eight callers, as fast as the
facts are taken; meanwhile a fact of another partner is recorded each second, and the time until its answer is fresh
is taken. In the end the checker of the fault campaign looks for what was lost, doubled or out of order.

Prints percentiles in milliseconds. Ends with 1 where anything is lost, or any call fails but by a 503 that says when to
come again.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final

import aiohttp
import msgspec
import uvloop
from aiohttp import web
from cryptography.fernet import Fernet

from benchmarks.command_line import options
from benchmarks.load_callers import (
    CALL_SECONDS_MAX,
    PARTNERS,
    FeedEvent,
    Load,
    Message,
    as_of,
    ask,
    follow,
    idle,
    lists,
    live,
    look,
    partner,
    record_in_bulk,
    write,
)
from benchmarks.servers import system
from services.cli.fd_limit import raise_fd_limit
from tests.faults import checker
from tests.faults.receiver import Delivered
from tests.faults.traffic import Seen

WRITERS: Final = 8
STREAMS: Final = 200
IN_BATCHES, OF_ONE_PARTNER, SILENT = 10, 80, 10
BULK_AFTER: Final = 0.25
"""Of the time."""

DRAIN_SECONDS_MAX: Final = 300.0
SHOWN: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
_MESSAGES: Final = msgspec.json.Decoder(list[Message] | Message)


async def receive(load: Load) -> tuple[web.AppRunner, asyncio.Server]:
    """A receiver with a path for each endpoint, and one that never answers."""
    requests = count(1)

    async def taken(request: web.Request) -> web.Response:
        endpoint, number, came = request.match_info["endpoint"], next(requests), time.monotonic()
        messages = _MESSAGES.decode(await request.read())
        for message in messages if isinstance(messages, list) else [messages]:
            load.delivered[endpoint].append(Delivered(endpoint, number, True, msgspec.to_builtins(message), came))
        return web.Response()

    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/{endpoint}", taken)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)


async def register(load: Load, session: aiohttp.ClientSession, port: int, silent_port: int) -> Mapping[str, str | None]:
    """The hundred endpoints. Returns those that answer, each with the partner that it is about; None: all."""
    answering: dict[str, str | None] = {}
    for number in range(IN_BATCHES + OF_ONE_PARTNER + SILENT):
        body: dict[str, Any] = {"url": f"http://127.0.0.1:{port}/e{number}", "start": "origin", "batch_max": 100}
        if number < IN_BATCHES:
            answering[f"e{number}"] = None
        elif number < IN_BATCHES + OF_ONE_PARTNER:
            answering[f"e{number}"] = partner(number)
            body |= {"filter": {"partner_ids": [partner(number)]}, "batch_max": 1}
        else:
            body["url"] = f"http://127.0.0.1:{silent_port}/e{number}"
        async with session.post(f"{load.base}/compliance/v1/webhook-endpoints", json=body) as response:
            response.raise_for_status()
    return answering


async def whole(load: Load, session: aiohttp.ClientSession, feed: str) -> list[dict[str, Any]]:
    """A feed from its beginning."""
    found: list[dict[str, Any]] = []
    while True:
        url = f"{load.base}/{feed}/v1/events?after={len(found)}&limit=1000"
        async with session.get(url) as response:
            response.raise_for_status()
            page = json.loads(await response.read())
        found += page
        if not page:
            return found


async def drained(
    load: Load, wanted: Mapping[str, Sequence[checker.Event]], seen: Sequence[Seen], heads: Sequence[int]
) -> float:
    """Waits until everybody was told everything, or too long. Returns how long."""
    began = time.monotonic()
    while time.monotonic() - began < DRAIN_SECONDS_MAX:
        told = all(
            len({one.message["position"] for one in load.delivered[name]}) >= len(of) for name, of in wanted.items()
        )
        if told and all(len(one.events) >= head for one, head in zip(seen, heads, strict=True)):
            break
        await asyncio.sleep(0.5)
    return time.monotonic() - began


def compared(event: checker.Event) -> dict[str, Any]:
    """As much of an event as is kept of a message."""
    return {name: event[name] for name in FeedEvent.__struct_fields__}


async def check(
    load: Load, session: aiohttp.ClientSession, seen: Sequence[Seen], answering: Mapping[str, str | None]
) -> list[str]:
    """What was lost, doubled or out of order, once the webhooks have caught up."""
    facts = await whole(load, session, "certification")
    async with session.get(f"{load.base}/compliance/v1/partners/P0?min_position={len(facts)}") as response:
        response.raise_for_status()
    events = await whole(load, session, "compliance")
    wanted = {
        name: [compared(event) for event in events if about in (None, event["subject"])]
        for name, about in answering.items()
    }
    waited = await drained(load, wanted, seen, (len(facts), len(events)))
    deliveries = sum(map(len, load.delivered.values()))
    print(
        f"{len(facts):,} facts, {len(events):,} compliance events, {deliveries:,} messages; "
        f"all told after {waited:.1f} s"
    )
    wrong = [*checker.facts_lost_or_doubled(load.recorded, {}, facts)]
    for one, log in zip(seen, (facts, events), strict=True):
        wrong += [*checker.log_out_of_order(one.feed, log), *checker.reader_misled(one, log)]
    for name, expected in wanted.items():
        wrong += checker.receiver_misled(name, load.delivered[name], expected)
        wrong += checker.receiver_forgotten(name, load.delivered[name], expected, frozenset())
    if load.idle_events:
        wrong.append(f"{load.idle_events} events came through a filter that lets nothing through")
    return wrong


def show(load: Load) -> None:
    """Prints the percentiles."""
    print(f"{'milliseconds':46}{'calls':>8}{'503':>6}" + "".join(f"{name:>10}" for name in SHOWN))
    for what, taken in sorted(load.taken_ms.items()):
        ordered = sorted(taken)
        cells = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in SHOWN.values())
        print(f"{what:46}{len(ordered):8}{load.refused[what]:6}" + "".join(f"{cell:10.1f}" for cell in cells))
    for failure, times in load.failed.items():
        print(f"FAILED {times} times: {failure}")
    sys.stdout.flush()


async def measure(base: str, seconds: float, facts_per_second: float) -> bool:
    """Whether nothing failed and nothing is lost."""
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS_MAX)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        load = Load(base, session)
        runner, silent = await receive(load)
        answering = await register(load, session, runner.addresses[0][1], silent.sockets[0].getsockname()[1])
        for number in range(PARTNERS):
            body = {
                "partner_id": partner(number),
                "kind": ("VAR", "DEVELOPER")[number % 2],
                "programme": "PARTNER_SUCCESS",
            }
            await load.record("enrolment", partner(number), "partners", body)
        seen = [Seen(f"stream of {feed}", feed, []) for feed in ("certification", "compliance")]
        readers = [asyncio.create_task(follow(load, session, one)) for one in seen]
        readers += [asyncio.create_task(idle(load, session, number)) for number in range(STREAMS)]
        callers = [write(load, writer, WRITERS / facts_per_second) for writer in range(WRITERS)]
        callers += [look(load), ask(load, "live answer", live), ask(load, "live answer", live)]
        callers += [ask(load, "as-of answer, biggest partner", as_of(load)), ask(load, "list", lists)]
        tasks = [asyncio.create_task(caller) for caller in callers]
        await asyncio.sleep(BULK_AFTER * seconds)
        load.bulk = asyncio.create_task(record_in_bulk(load))
        await asyncio.sleep((1 - BULK_AFTER) * seconds)
        load.over.set()
        await asyncio.gather(*tasks, load.bulk)
        wrong = await check(load, session, seen, answering)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        silent.close()
        await runner.cleanup()
    show(load)
    for sentence in wrong[:20]:
        print(f"WRONG: {sentence[:500]}")
    print(f"{len(wrong)} lost, doubled or out of order; {sum(load.failed.values())} calls failed", flush=True)
    return not wrong and not load.failed


def main() -> None:
    """Starts a system of its own and loads it."""
    arguments = options(__doc__, seconds=600.0, facts_per_second=40.0)
    raise_fd_limit()
    webhooks = {
        "SAGECERT_COMPLIANCE_WEBHOOK_KEYS": json.dumps([Fernet.generate_key().decode()]),
        "SAGECERT_COMPLIANCE_WEBHOOK_NETWORKS": json.dumps(["127.0.0.0/8"]),
    }
    with system("--sandbox", **webhooks) as base:
        held = uvloop.run(measure(base, arguments.seconds, arguments.facts_per_second))
    sys.exit(not held)


if __name__ == "__main__":
    main()
