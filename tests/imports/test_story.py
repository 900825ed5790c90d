"""Two years of history are loaded, killed half-way and loaded again; ten nights of exports leave no difference."""

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.end_to_end.client import rfc3339
from tests.imports.importing import EXAMPLES, run_import, run_with_mappings
from tests.imports.test_history import registered
from tests.imports.university import FACTS, NOW, REPLACED, SUSPENDED, TO_BE_SUSPENDED, University
from tests.systems import System, environment, sagecert

NIGHTS: Final = 10
WAIT_SECONDS_MAX: Final = 60
PAGE: Final = 1_000


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]], threading.Condition]]:
    """An address, the messages that it was sent, and what is notified of each."""
    messages: list[dict[str, Any]] = []
    came = threading.Condition()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with came:
                messages.append(body)
                came.notify_all()
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/", messages, came
        finally:
            server.shutdown()


def whole_feed(system: System, service: str) -> list[dict[str, Any]]:
    """Every event of a feed."""
    found: list[dict[str, Any]] = []
    while page := system.http.get(
        f"/{service}/v1/events?limit={PAGE}&after={found[-1]['position'] if found else 0}"
    ).json():
        found += page
    return found


def reported(system: System) -> list[dict[str, Any]]:
    """The facts that callers reported."""
    return [fact for fact in whole_feed(system, "certification") if "causationid" not in fact]


def names(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What is announced, and of whom."""
    return [(event["type"].split(".")[-2], event["subject"]) for event in events]


def load_half_and_kill(system: System, files: list[Path], mappings: list[Path]) -> None:
    """Kills an import as soon as the log shows its first facts."""
    given = [argument for mapping in mappings for argument in ("--mapping", str(mapping))]
    command = sagecert("import", *map(str, files), *given, "--url", system.url, "--history")
    with subprocess.Popen(command, env=environment({}), stdout=subprocess.DEVNULL) as importing:
        system.http.get(f"/certification/v1/events?after=0&limit=1&timeout={WAIT_SECONDS_MAX}")
        importing.kill()
    assert importing.returncode == -9


def test_the_story_of_a_university(system: System, tmp_path: Path) -> None:
    system.reset(rfc3339(NOW))
    university = University(seed=1)
    files = university.write(tmp_path)
    mappings = [EXAMPLES / f"{path.stem}.toml" for path in files]
    with receiver() as (url, told, came):
        registered(system, url=url, filter={"history": False})

        load_half_and_kill(system, files, mappings)
        again = run_import(system.url, files, mappings, "--history", "--json")
        assert again.status == 0, again.output
        counts = json.loads(again.output)
        assert counts["recorded"] + counts["held"] + counts["replayed"] == university.facts == FACTS
        assert counts["replayed"] > 0, "the first import recorded some"
        loaded = reported(system)
        assert len(loaded) == FACTS
        assert all(fact["history"] for fact in loaded)

        for night in range(1, NIGHTS + 1):
            system.set_clock(rfc3339(NOW + timedelta(days=night)))
            university.next_night(night)
            done = run_import(system.url, university.write(tmp_path), mappings)
            assert done.status == 0, done.output
        reconciled = run_with_mappings("reconcile", system.url, files, mappings)
        assert reconciled.status == 0, reconciled.output
        facts = reported(system)
        assert len(facts) == university.facts
        position = whole_feed(system, "certification")[-1]["position"]
        system.http.get(f"/compliance/v1/partners/{SUSPENDED}?min_position={position}").raise_for_status()

        events = whole_feed(system, "compliance")
        present = [event for event in events if "history" not in event["data"]]
        with came:
            assert came.wait_for(lambda: len(told) >= len(present), WAIT_SECONDS_MAX)
    assert [message["id"] for message in told] == [event["id"] for event in present]
    assert [message["sequence"] for message in told] == list(range(1, len(told) + 1))
    assert [whom for what, whom in names(told) if what == "selling-suspended"] == [TO_BE_SUSPENDED]
    assert "retracted" not in dict(names(told))

    loading = Counter(what for what, _ in names([event for event in events if "history" in event["data"]]))
    assert loading["selling-suspended"] > REPLACED, "the load is full of suspensions that never were"
    listed = system.http.get("/compliance/v1/partners?status=suspended&limit=100").json()["partners"]
    assert {row["partner_id"] for row in listed} == {SUSPENDED, TO_BE_SUSPENDED}
