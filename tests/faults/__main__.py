"""A fault campaign: `python -m tests.faults [--faults 30] [--seed 1] [--control]`, which is `make faults`.

Real processes are killed, frozen, cut off and starved of disk, under a constant load of writers, readers of both feeds
and receivers of webhooks. After each fault the time is taken until a new fact is recorded, until its answer is fresh,
and until a receiver was told. Half of the faults are done to the parts as processes apart, half to `sagecert up`.
At the end a checker that shares no code with the system looks for what was lost, doubled, changed or out of order, and
what the system holds is compared with a rebuild.

`--control`: campaigns against copies of the system with a bug. Each must fail.
"""

import argparse
import logging
import shutil
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from services.cli.fd_limit import raise_fd_limit
from tests.clean_environment import ROOT, empty_home, isolate
from tests.faults.bugs import BUGS
from tests.faults.campaign import Campaign, Recovery
from tests.temporary_directory import temporary_directory
from tests.test_the_tests.planting import plant

CONTROL_PATIENCE_SECONDS: Final = 20.0


def run(campaign: Campaign, faults: int) -> int:
    """Runs it and prints what came of it. Returns how much is wrong."""
    campaign.run(faults)
    print(f"{campaign.summary}; {len(campaign.wrong)} wrong", flush=True)
    if campaign.wrong:
        print(*campaign.said, *(f"WRONG: {sentence[:1000]}" for sentence in campaign.wrong[:20]), sep="\n", flush=True)
    return len(campaign.wrong)


def show(recoveries: Mapping[str, Sequence[Recovery]]) -> None:
    """Prints percentiles by kind of fault, and of all."""
    print(f"\n{'seconds to recovery':30} {'faults':>6}" + "".join(f"{name:>26}" for name in Recovery._fields))
    print(" " * 37 + "       p50     p95     max" * len(Recovery._fields))
    everything = [item for found in recoveries.values() for item in found]
    for kind, found in [*sorted(recoveries.items()), ("all", everything)]:
        columns = ""
        for seconds in zip(*found, strict=True):
            ordered = sorted(seconds)
            p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
            columns += f"  {statistics.median(ordered):8.2f}{p95:8.2f}{ordered[-1]:8.2f}"
        print(f"{kind:30} {len(found):6}{columns}", flush=True)


def control(seed: int) -> bool:
    """Whether every bug makes a campaign fail."""
    found = True
    for bug in BUGS:
        with temporary_directory("sagecert-faults-copy-") as directory:
            for package in ("services", "shared"):
                shutil.copytree(ROOT / package, directory / package)
            plant(directory, bug)
            print(f"\n== planted: {bug.name}", flush=True)
            done = Campaign(
                directory, seed, together=False, only=bug.shows_after, patience_seconds=CONTROL_PATIENCE_SECONDS
            )
            done.run(bug.faults)
            if done.wrong:
                print(f"it is found: {done.wrong[0][:200]}", flush=True)
            else:
                print("IT IS NOT FOUND", flush=True)
                found = False
    return found


def main() -> None:
    """Ends with 1 where anything is wrong, or a bug is not found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="only campaigns against planted bugs")
    arguments = parser.parse_args()
    isolate()
    raise_fd_limit()
    logging.getLogger("services").setLevel(logging.CRITICAL)  # that PostgreSQL was killed is known
    with empty_home():
        if arguments.control:
            sys.exit(not control(arguments.seed))
        recoveries: dict[str, list[Recovery]] = defaultdict(list)
        wrong = 0
        for together in (False, True):
            faults = arguments.faults // 2 if together else arguments.faults - arguments.faults // 2
            how = "sagecert up" if together else "the parts apart"
            print(
                f"== {faults} faults, seed {arguments.seed}, {how}: seconds until recorded, answered, told", flush=True
            )
            done = Campaign(ROOT, arguments.seed, together=together)
            wrong += run(done, faults)
            for kind, found in done.recoveries.items():
                recoveries[kind] += found
    show(recoveries)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
