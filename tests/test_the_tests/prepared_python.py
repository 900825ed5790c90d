"""A process that has imported the libraries, and runs modules in processes forked from it: python -P prepared_python.py

To start a Python and import the libraries takes longer than most of the tests that notice a planted mistake. Nothing of
the project is imported here: that comes from the copy of the project in which a module runs.

Each line of stdin is a request: {"directory", "module", "arguments", "environment", "seconds_max"}. Each is answered by
a line of stdout: {"status", "output"}; of a run that took too long, and was killed, the status is negative.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import sys
import tempfile
import time
import traceback
from typing import IO, Any

from _pytest.config import default_plugins

LIBRARIES = (
    *(f"_pytest.{plugin}" for plugin in default_plugins),
    "aiohttp.web",
    "aiosmtpd.smtp",
    "alembic.command",
    "alembic.config",
    "asyncpg",
    "click",
    "cryptography.fernet",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.x509",
    "eventsourcing.postgres",
    "fastapi",
    "fastapi.openapi.utils",
    "httptools",
    "httpx",
    "hypothesis",
    "icalendar",
    "jinja2",
    "jsonschema",
    "msgspec",
    "psycopg_pool",
    "pdb",
    "pydantic_settings",
    "pytest",
    "sqlalchemy.ext.asyncio",
    "standardwebhooks",
    "trustme",
    "uvicorn",
    "uvloop",
    "xdist",
    "yaml",
)
POLL_SECONDS = 0.005


def serve() -> None:
    """Answers requests until stdin ends."""
    sys.dont_write_bytecode = True  # what is compiled is of the project without a mistake
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # pytest collects garbage ten times at its end, and none of it is in these
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            status = run(request, output)
            output.seek(0)
            print(json.dumps({"status": status, "output": output.read()}), flush=True)


def run(request: dict[str, Any], output: IO[str]) -> int:
    """The exit status of the module."""
    child = os.fork()
    if child == 0:
        become(request, output.fileno())
    until = time.monotonic() + request["seconds_max"]
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return -signal.SIGKILL
        time.sleep(POLL_SECONDS)


def become(request: dict[str, Any], output: int) -> None:
    """Runs the module in the directory, as `python -m` does there, and ends."""
    status = 1
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(request["directory"])
        os.environ.update(request["environment"])
        sys.path.insert(0, request["directory"])
        sys.argv[1:] = request["arguments"]
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
