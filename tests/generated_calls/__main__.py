"""Calls that Schemathesis generates from both documents, in a network of its own: python -m tests.generated_calls -h

Webhook URLs come from the generator. So this runs in a network namespace that has nothing but loopback, with the whole
system; it refuses to run where there is more.
"""

import argparse
import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.systems import serving

KEY: Final = "a-key-of-the-generated-calls"
SERVICES: Final = ("certification", "compliance")
CHECKS: Final = (
    "status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection,"
    "missing_required_header,unsupported_method,allow_header_conformance,ignored_auth,problems,protection,forms"
)
_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_UP: Final = 0x1


def alone() -> None:
    """Brings loopback up. Raises `SystemExit` where the network has anything else."""
    interfaces = [name for _, name in socket.if_nameindex()]
    if interfaces != ["lo"]:
        raise SystemExit(f"this is no network of its own: it has {', '.join(interfaces)}; run it under unshare --net")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _UP))


@contextmanager
def system(database_url: str) -> Iterator[str]:
    """The whole system, with an API key, as a sandbox."""
    settings = {"DATABASE_URL": database_url, "SAGECERT_API_KEY": KEY}
    with serving(settings, "up", "--sandbox") as (_, url):
        yield url


def generate(url: str, service: str, examples: int, seed: int, directory: Path) -> tuple[int, int]:
    """The exit status of Schemathesis, and how many calls it has made."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/{service}/openapi.json"),
        *("--header", f"Authorization: Bearer {KEY}", "--checks", CHECKS, "--max-examples", str(examples)),
        *("--seed", str(seed), "--no-color", "--generation-database", "none", "--continue-on-failure", "--no-shrink"),
        *("--report", "json", "--report-json-path", str(directory / f"{service}.json"), "--warnings", "off"),
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.generated_calls.checks"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    found = re.search(r"(\d+) generated", done.stdout)
    return done.returncode, int(found[1]) if found else 0


def main() -> int:
    """Says on stdout how many calls were made, as JSON; ends with 1 where a check found something."""
    parser = argparse.ArgumentParser(description="Calls that Schemathesis generates, in a network of its own.")
    parser.add_argument("database_url", help="An empty database, through a Unix socket.")
    parser.add_argument("--examples", type=int, default=3, help="How many calls of each operation, at most.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, default=Path.cwd(), help="Where the reports go.")
    asked = parser.parse_args()
    alone()
    with system(asked.database_url) as url:
        found = {service: generate(url, service, asked.examples, asked.seed, asked.directory) for service in SERVICES}
    print(json.dumps({service: calls for service, (_, calls) in found.items()}))
    return int(any(status for status, _ in found.values()))


if __name__ == "__main__":
    sys.exit(main())
