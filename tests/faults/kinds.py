"""What is done to the running system. A seed chooses; each fault says in a line what it did."""

import os
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from tests.faults.proxy import LossyProxy
from tests.faults.receiver import Receivers
from tests.faults.system import POSTGRES, System, backends
from tests.systems import children

FROZEN_SECONDS: Final = (0.3, 4.0)
LOST_SECONDS: Final = 1.0
REFUSED_SECONDS: Final = 1.0
FULL_SECONDS: Final = 2.0
NOTICED_SECONDS: Final = 0.05
_BLOCK: Final = bytes(1 << 20)


class Around(NamedTuple):
    """The system, and what stands before and behind it. `disk`: the small disk of the database, if there is one."""

    system: System
    proxy: LossyProxy
    receivers: Receivers
    disk: Path | None


class Fault(NamedTuple):
    """`kind`: for the figures. `over_at`: when what was done had ended, by the monotonic clock."""

    kind: str
    over_at: float


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _kill(pids: list[int]) -> None:
    _signal(pids, signal.SIGKILL)


def _kill_server(pids: list[int]) -> None:
    """PostgreSQL's processes notice within milliseconds that one of them is gone, and stop."""
    _kill(pids)
    time.sleep(NOTICED_SECONDS)


def _freeze(pids: list[int], random: Random) -> None:
    """Frozen for a while; some never wake."""
    _signal(pids, signal.SIGSTOP)
    time.sleep(random.uniform(*FROZEN_SECONDS))
    _signal(pids, signal.SIGKILL if random.random() < 0.3 else signal.SIGCONT)


def _fill(disk: Path) -> None:
    """Takes all the space there is, for a while."""
    taken = disk / "taken"
    try:
        with taken.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(_BLOCK) == len(_BLOCK):
                pass
        time.sleep(FULL_SECONDS)
    finally:
        taken.unlink()


def _lose(one: LossyProxy | Receivers) -> None:
    """Every reply is lost for a while."""
    one.losing = True
    time.sleep(LOST_SECONDS)
    one.losing = False


def _refuse(receivers: Receivers) -> None:
    """Every message is refused for a while."""
    receivers.refusing = True
    time.sleep(REFUSED_SECONDS)
    receivers.refusing = False


def kinds(around: Around, random: Random) -> Iterator[tuple[str, Callable[[], None]]]:
    """What could be done now, by name."""
    system = around.system
    for name, pid in system.processes().items():
        plain = name.removeprefix("other ")
        yield f"kill {plain}", partial(_kill, [pid])
        yield f"freeze {plain}", partial(_freeze, [pid], random)
    server = system.server()
    serving = backends(server)
    if serving:
        yield "kill a backend", partial(_kill_server, [random.choice(serving)])
        yield "freeze a backend", partial(_freeze, [random.choice(serving)], random)
        yield f"kill {POSTGRES}", partial(_kill_server, [server])
        yield f"freeze {POSTGRES}", partial(_freeze, [server, *children(server)], random)
    yield "lose replies to callers", partial(_lose, around.proxy)
    yield "lose replies of receivers", partial(_lose, around.receivers)
    yield "receivers refuse", partial(_refuse, around.receivers)
    if around.disk is not None:
        yield "fill the disk", partial(_fill, around.disk)


def strike(around: Around, random: Random, done: Mapping[str, int], only: Collection[str]) -> Fault:
    """One of the kinds that came up least often so far. `only`: of these, if there are any."""
    possible = {kind: act for kind, act in kinds(around, random) if not only or kind in only}
    fewest = min(done.get(kind, 0) for kind in possible)
    kind = random.choice(sorted(kind for kind in possible if done.get(kind, 0) == fewest))
    possible[kind]()
    return Fault(kind, time.monotonic())
