"""Every measurement, one after the other: `python -m benchmarks [--facts 1000000]`, which is `make bench`.

Prints ratios against a peer or a limit measured in the same run, and asserts nothing. With a million
facts it takes about half an hour on two cores; the log is generated once and measured on twice.
"""

import argparse
import subprocess
import sys

from tests.temporary_directory import temporary_directory


def main() -> None:
    """Runs each measurement in a process of its own; the exit status is that of the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=1_000_000, help="of the log for rebuilds and answers")
    facts = str(parser.parse_args().facts)
    with temporary_directory("sagecert-bench-") as directory:
        directory.chmod(0o755)
        log = ("--facts", facts, "--data-dir", f"{directory}/data")
        for measurement in (
            ("posts",),
            ("batches",),
            ("imports",),
            ("append",),
            ("recorders",),
            ("visibility",),
            ("noisy_neighbours",),
            ("answers", *log),
            ("console", *log),
            ("claims",),
            ("rebuild", *log, "--memory"),
            ("portal_change",),
            ("lists",),
            ("restart",),
            ("sealing", "--facts", facts),
            ("proofs", *log),
            ("verification", "--facts", facts),
            ("webhooks",),
        ):
            print(f"\n== {' '.join(measurement)}", flush=True)
            done = subprocess.run([sys.executable, "-m", f"benchmarks.{measurement[0]}", *measurement[1:]], check=False)
            if done.returncode:
                sys.exit(done.returncode)


if __name__ == "__main__":
    main()
