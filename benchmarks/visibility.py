"""From the commit of a fact to the answer that shows it, over HTTP, against the library's subscription and `wait()`.

`python -m benchmarks.visibility [--facts 200]`. Ours: certification, compliance and its follower as processes of
their own; the answer is asked for with the position that the POST returned as soon as the POST returns. The
library's: from `save()` to the event in a subscription of another process, and to the end of `wait()` on a stock
projection.
"""

import argparse
import asyncio
import json
import statistics
import time
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

import uvloop
from fastapi import FastAPI

from benchmarks.answers import real, settings_for
from benchmarks.servers import Client, server, serving
from benchmarks.stock import Link, Links, counting, environment
from services.certification.app import create_app as create_certification
from services.certification.settings import CertificationSettings
from services.compliance.projection.follower import Follower
from services.databases import Databases

PAUSE_SECONDS = 0.02
"""Between facts, so that each is a first one."""

PARTNERS = 20


def certification(url: str) -> FastAPI:
    """The certification service."""
    return create_certification(CertificationSettings.model_validate({"database_url": url}))


def work(url: str) -> None:
    """The follower."""
    uvloop.run(Follower(settings_for(url)).run())


async def ours(certification_port: int, compliance_port: int, facts: int) -> float:
    """Median milliseconds from the answer to a POST to the answer that holds its fact."""
    writer, reader = await Client.connect(certification_port), await Client.connect(compliance_port)
    taken = []
    for number in range(facts + 20):
        await asyncio.sleep(PAUSE_SECONDS)
        partner, body = f"P{number % PARTNERS}", json.dumps({"consultant_id": f"C{number}"}).encode()
        posted = json.loads(await writer.post(f"/certification/v1/partners/{partner}/consultants", f"k{number}", body))
        started = time.perf_counter()
        path = f"/compliance/v1/partners/{partner}/compliance/S200P?min_position={posted['position']}"
        await reader.get(path)
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken[20:])


def subscription(owner_url: str, facts: int) -> float:
    """Median milliseconds from the end of the library's `save()` to its event in a subscription of another process."""
    application = Links(environment(owner_url))
    spawn = get_context("spawn")
    told: Queue[tuple[int, float]] = spawn.Queue()
    process = spawn.Process(target=subscribe, args=(owner_url, facts, told), daemon=True)
    process.start()
    told.get(timeout=30)
    saved: dict[int, float] = {}
    for number in range(facts):
        time.sleep(PAUSE_SECONDS)
        notification_id = application.save(Link("P1", f"C{number}"))[-1].notification.id
        saved[notification_id] = time.monotonic()
    seen = dict(told.get(timeout=30) for _ in range(facts))
    process.join()
    application.close()
    return statistics.median(1000 * (seen[one] - at) for one, at in saved.items())


def subscribe(owner_url: str, facts: int, told: "Queue[tuple[int, float]]") -> None:
    """Tells when it began and when it saw each event, by the clock that all processes of a machine share."""
    application = Links(environment(owner_url))
    head = application.recorder.max_notification_id() or 0
    with application.recorder.subscribe(gt=head) as notifications:
        told.put((head, time.monotonic()))
        for notification in notifications:
            told.put((notification.id, time.monotonic()))
            facts -= 1
            if not facts:
                return


def waiting(owner_url: str, facts: int) -> float:
    """Median milliseconds from the end of the library's `save()` to the end of its `wait()`."""
    taken = []
    with counting(owner_url) as runner:
        for number in range(facts):
            time.sleep(PAUSE_SECONDS)
            notification_id = runner.app.save(Link("P1", f"C{number}"))[-1].notification.id
            started = time.perf_counter()
            runner.wait(notification_id, timeout=10)
            taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken)


def measure(databases: Databases, facts: int) -> None:
    """Prints the figures."""
    follower = get_context("spawn").Process(target=work, args=(databases.follower_url,), daemon=True)
    follower.start()
    with (
        serving(certification, databases.certification_url) as certification_port,
        serving(real, databases.compliance_url) as compliance_port,
    ):
        visible = uvloop.run(ours(certification_port, compliance_port, facts))
    follower.kill()
    follower.join()
    heard = subscription(databases.owner_url, facts)
    waited = waiting(databases.owner_url, min(facts, 50))
    print(f"commit to visible answer over HTTP: {visible:.2f} ms; library's subscription {heard:.2f} ms", end="")
    print(f" = {visible / heard:.1f}x")
    print(f"read-your-writes: {visible:.2f} ms; library's wait() {waited:.2f} ms; {waited / visible:.0f}x faster")


def main() -> None:
    """Starts a server of its own and measures on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=200)
    parser.add_argument("--data-dir", type=Path, help="keeps the server's data")
    arguments = parser.parse_args()
    with server(arguments.data_dir) as databases:
        measure(databases, arguments.facts)


if __name__ == "__main__":
    main()
