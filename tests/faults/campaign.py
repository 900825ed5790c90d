"""One campaign: a system, load, faults, and at the end the questions of the checker."""

import json
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import httpx

from tests.faults import checker
from tests.faults.kinds import Around, strike
from tests.faults.proxy import LossyProxy
from tests.faults.receiver import Receivers
from tests.faults.system import START_SECONDS_MAX, Apart, Together, await_answer, small_disk
from tests.faults.traffic import RECORDED, Command, Recorded, Traffic, Urls
from tests.systems import environment, sagecert
from tests.temporary_directory import temporary_directory

DISK_MEBIBYTES: Final = 2048
"""PostgreSQL keeps up to a gibibyte of its log."""
DISK_MEBIBYTES_A_FAULT: Final = 8
"""What is recorded around one, twice: in the end a rebuild lies beside it."""

RECOVERY_SECONDS_MAX: Final = 120.0
CALL_SECONDS_MAX: Final = 5.0
POLL_SECONDS: Final = 0.02
BACKLOG_SECONDS_MAX: Final = 600.0
BACKLOG_POLL_SECONDS: Final = 1.0
"""What the receivers lack is looked for seldom: it takes the processor that they need."""
LOG_LINES: Final = 15

REACHED: Final = "com.sage.partnercloud.minimum-reached.v1"
ENDPOINTS: Final[Mapping[str, tuple[Mapping[str, Any], frozenset[str]]]] = {
    "each": ({}, frozenset[str]()),
    "batches": ({"batch_max": 50}, frozenset[str]()),
    "some": ({"filter": {"types": ["minimum-reached"]}}, frozenset({REACHED})),
}
"""By path: what is registered, and which types come; none: all."""


class Recovery(NamedTuple):
    """Seconds from the end of a fault until a new fact was recorded, its answer was fresh, and a receiver was told."""

    recorded: float
    answered: float
    told: float


class Campaign:
    """`root`: the project whose services are tried, perhaps a copy with a bug. `only`: kinds of faults; none: all.

    `patience_seconds`: how long the system may take to do anything whatsoever.
    """

    def __init__(
        self,
        root: Path,
        seed: int,
        *,
        together: bool,
        only: Collection[str] = (),
        patience_seconds: float = RECOVERY_SECONDS_MAX,
    ) -> None:
        self._root, self._seed, self._together = root, seed, together
        self._only, self._patience_seconds = only, patience_seconds
        self._random = Random(seed)
        self._done: Counter[str] = Counter()
        self._probes = 0
        self.recoveries: dict[str, list[Recovery]] = defaultdict(list)
        self.wrong: list[str] = []
        self.summary = "broken off"
        self.said: list[str] = []
        """The last lines of each process."""

    def run(self, faults: int) -> None:
        """Strikes so many times; afterwards `wrong` says what does not hold, and `recoveries` how long things took."""
        with (
            temporary_directory("sagecert-faults-") as directory,
            ExitStack() as end,
        ):
            directory.chmod(0o755)
            made = end.enter_context(small_disk(directory, DISK_MEBIBYTES + DISK_MEBIBYTES_A_FAULT * faults))
            if not made:
                print("no disk of its own can be made here (only root can): no disk is filled", flush=True)
            system = (Together if self._together else Apart)(directory, self._root)
            end.callback(system.stop)
            await_answer(system.certification_port)
            await_answer(system.compliance_port)
            proxy, receivers = LossyProxy(system.certification_port), Receivers(self._seed)
            proxy.start()
            end.callback(proxy.stop)
            receivers.start()
            end.callback(receivers.stop)
            self._around = Around(system, proxy, receivers, directory if made else None)
            self._compliance = f"http://127.0.0.1:{system.compliance_port}/compliance/v1"
            self._certification = f"http://127.0.0.1:{system.certification_port}/certification/v1"
            self._http = end.enter_context(httpx.Client(timeout=CALL_SECONDS_MAX))
            self._register()
            urls = Urls(f"http://127.0.0.1:{proxy.port}", f"http://127.0.0.1:{system.compliance_port}")
            self._traffic = traffic = Traffic(urls, self._seed)
            traffic.start()
            for number in range(1, faults + 1):
                self._strike(number)
                if traffic.wrong or self.wrong:
                    break
            traffic.stop_writing()
            self.wrong += self._outcome()
            self.said = [
                f"--- {log.stem}: {line}"
                for log in sorted(directory.glob("*.log"))
                for line in log.read_text(errors="replace").splitlines()[-LOG_LINES:]
            ]

    def _register(self) -> None:
        for path, (more, _) in ENDPOINTS.items():
            body = {"url": f"http://127.0.0.1:{self._around.receivers.port}/{path}", "start": "origin", **more}
            url = f"{self._compliance}/webhook-endpoints"
            self._http.post(url, json=body, timeout=START_SECONDS_MAX).raise_for_status()

    def _strike(self, number: int) -> None:
        time.sleep(self._random.uniform(0.05, 0.5))
        fault = strike(self._around, self._random, self._done, self._only)
        self._done[fault.kind] += 1
        recovery = self._recover(fault.over_at)
        if recovery is None:
            self.wrong.append(
                f"fault {number}, {fault.kind}: not everything works after {self._patience_seconds:.0f} s"
            )
            return
        self.recoveries[fault.kind].append(recovery)
        print(f"{number:4} {fault.kind:28}" + " ".join(f"{seconds:6.2f}" for seconds in recovery), flush=True)

    def _recover(self, since: float) -> Recovery | None:
        """Records a partner that reaches its minimum, asks for it, and waits until a receiver is told of it."""
        self._probes += 1
        partner, consultant = f"probe-{self._probes}", f"probe-C{self._probes}"
        until = since + self._patience_seconds
        enrolment = {"partner_id": partner, "kind": "DEVELOPER", "programme": "PARTNER_SUCCESS"}
        first = self._post(f"{partner}-1", "partners", until, **enrolment)
        recorded = time.monotonic() - since
        person = {"consultant_id": consultant}
        self._post(f"{partner}-2", "recognised-certifications", until, **person, product="S200P")
        last = self._post(f"{partner}-3", f"partners/{partner}/consultants", until, **person)
        if first is None or last is None:
            return None
        if not self._reaches(partner, last["position"], until):
            return None
        answered = time.monotonic() - since
        while not self._is_told(partner):
            if time.monotonic() > until:
                return None
            time.sleep(POLL_SECONDS)
        return Recovery(recorded, answered, time.monotonic() - since)

    def _post(self, key: str, path: str, until: float, **body: Any) -> dict[str, Any] | None:
        while time.monotonic() < until:
            try:
                answer = self._http.post(
                    f"{self._certification}/{path}", json=body, headers={"Idempotency-Key": f"{self._seed}-{key}"}
                )
            except httpx.HTTPError:
                time.sleep(POLL_SECONDS)
                continue
            if answer.status_code in RECORDED:
                command = Command(path, body)
                now = time.monotonic()
                self._traffic.recorded.append(Recorded(f"{self._seed}-{key}", command, answer.content, now, now))
                return dict(answer.json())
            time.sleep(POLL_SECONDS)
        return None

    def _reaches(self, partner: str, position: int, until: float) -> bool:
        """Whether the answer is there in time, with that fact in it."""
        while time.monotonic() < until:
            try:
                url = f"{self._compliance}/partners/{partner}/compliance/S200P"
                answer = self._http.get(url, params={"min_position": position})
                if answer.status_code == 200:
                    return bool(answer.json()["status"] == "compliant")
            except httpx.HTTPError:
                pass
            time.sleep(POLL_SECONDS)
        return False

    def _is_told(self, partner: str) -> bool:
        return any(
            one.taken and one.message["subject"] == partner and one.message["type"] == REACHED
            for one in reversed(self._around.receivers.delivered[-5000:])
        )

    def _outcome(self) -> Iterator[str]:
        """What does not hold, once everything that was begun is done."""
        traffic = self._traffic
        self._await_while_it_moves(lambda: traffic.written, lambda: (traffic.repeated, traffic.written))
        if not traffic.written:
            yield "calls are not answered although nothing is wrong any more"
            return
        facts = self._whole(f"{self._certification}/events")
        partner = next(one.command.body["partner_id"] for one in traffic.recorded if one.command.path == "partners")
        url, applied = f"{self._compliance}/partners/{partner}", {"min_position": len(facts)}
        if not self._holds(lambda: self._http.get(url, params=applied, timeout=60).status_code == 200):
            yield f"position {len(facts)} is never applied"
        events = self._whole(f"{self._compliance}/events")
        feeds = {"certification": facts, "compliance": events}
        delivered = self._around.receivers.delivered
        self._holds(lambda: all(len(seen.events) >= len(feeds[seen.feed]) for seen in traffic.seen))
        self._await_while_it_moves(lambda: not any(self._forgotten(events)), lambda: len(delivered))
        traffic.stop_reading()
        yield from traffic.wrong
        yield from checker.facts_lost_or_doubled(traffic.recorded, traffic.under_way, facts)
        for feed, log in feeds.items():
            yield from checker.log_out_of_order(feed, log)
        for seen in traffic.seen:
            yield from checker.reader_misled(seen, feeds[seen.feed])
        for path in ENDPOINTS:
            yield from checker.receiver_misled(path, [one for one in delivered if one.endpoint == path], events)
        yield from self._forgotten(events)
        yield from self._rebuilt()
        self.summary = (
            f"{len(facts):,} facts ({len(traffic.recorded):,} answered calls, {traffic.unavailable:,} to be repeated), "
            f"{len(events):,} compliance events, {len(delivered):,} messages of webhooks"
        )

    def _forgotten(self, events: Sequence[checker.Event]) -> Iterator[str]:
        for path, (_, types) in ENDPOINTS.items():
            of_path = [one for one in self._around.receivers.delivered if one.endpoint == path]
            yield from checker.receiver_forgotten(path, of_path, events, types)

    def _await_while_it_moves(self, done: Callable[[], bool], progress: Callable[[], object]) -> None:
        """Waits until it is done, as long as there is progress: one by one, many take their time."""
        until = time.monotonic() + BACKLOG_SECONDS_MAX
        while time.monotonic() < until:
            before = progress()
            if done() or not self._holds(lambda before=before: progress() != before):  # type: ignore[misc]  # bound now
                return
            time.sleep(BACKLOG_POLL_SECONDS)

    def _holds(self, question: Callable[[], bool]) -> bool:
        """Whether it comes to hold in time."""
        until = time.monotonic() + self._patience_seconds
        while not (holds := question()) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        return holds

    def _whole(self, url: str) -> list[checker.Event]:
        """A feed from its beginning."""
        found: list[checker.Event] = []
        while (
            page := self._http.get(url, params={"after": len(found), "limit": 1000}, timeout=60)
            .raise_for_status()
            .json()
        ):
            found += page
        return found

    def _rebuilt(self) -> Iterator[str]:
        """What a rebuild from nothing gives is what the system holds."""
        settings = {"SAGECERT_OWNER_DATABASE_URL": self._around.system.owner_url(), "PYTHONPATH": str(self._root)}
        command = sagecert("compliance", "rebuild", "--verify", "--json")
        done = subprocess.run(command, env=environment(settings), capture_output=True, text=True, check=False)
        if done.returncode or json.loads(done.stdout)["differences"]:
            yield f"a rebuild gives something else: {(done.stdout + done.stderr)[-2000:]}"
