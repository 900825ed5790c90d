"""The first thing that a newcomer does: `make demo` in this folder, a question, Ctrl-C. Leaves `.data` behind.

The tests that follow in the same folder must not notice.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

DATA = Path(".data")
SERVING = re.compile(r"Serving on (http://\S+) ")
SECONDS_MAX = 180
QUESTION = "/compliance/v1/partners/harbour/compliance/S200P"


def main() -> None:
    """Exits with a sentence where the demo does not do what the README says."""
    if DATA.exists():
        print(f"{DATA} is there already, so the demo is not started on it; the tests must not see that one either")
        return
    # A shell starts what runs in the background deaf to Ctrl-C, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    demo = subprocess.Popen(
        ["make", "--no-print-directory", "demo", "PORT=0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = threading.Timer(SECONDS_MAX, os.killpg, (demo.pid, signal.SIGKILL))
    deadline.start()
    try:
        said = list[str]()
        assert demo.stdout is not None
        for line in demo.stdout:
            said.append(line)
            if found := SERVING.match(line):
                with urllib.request.urlopen(found[1] + QUESTION, timeout=30) as answer:
                    print(f"{QUESTION} is {json.load(answer)['status']}; Ctrl-C")
                os.killpg(demo.pid, signal.SIGINT)
        demo.wait()
    finally:
        deadline.cancel()
    output = "".join(said)
    if not SERVING.search(output) or "Traceback" in output or demo.returncode == -signal.SIGKILL:
        sys.exit(f"the demo did not run and stop as it should:\n{output}")
    if next(DATA.glob("postgres/cluster/postmaster.pid"), None):
        sys.exit("the demo left its database server behind")


if __name__ == "__main__":
    main()
