"""Calls that Schemathesis generates from both documents, in a network of its own: python -m tests.generated_calls -h

Webhook URLs come from the generator. So this runs, with the whole system, in a network that has nothing but loopback,
and refuses to run in any other. The tests make one; so does `unshare --net sh -c 'ip link set lo up; …'`.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.network import is_separate
from tests.systems import serving

KEY: Final = "a-key-of-the-generated-calls"
SERVICES: Final = ("certification", "compliance")
CHECKS: Final = (
    "status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection,"
    "missing_required_header,unsupported_method,allow_header_conformance,ignored_auth,problems,protection,forms"
)


@contextmanager
def system(database_url: str) -> Iterator[str]:
    """The whole system, with an API key, as a sandbox."""
    settings = {"DATABASE_URL": database_url, "SAGECERT_API_KEY": KEY}
    with serving(settings, "up", "--sandbox") as (_, url):
        yield url


def generate(url: str, service: str, asked: argparse.Namespace) -> tuple[int, int]:
    """The exit status of Schemathesis, and how many calls it has made."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/{service}/openapi.json"),
        *("--header", f"Authorization: Bearer {KEY}", "--checks", CHECKS, "--max-examples", str(asked.examples)),
        # It is no JSON. Its lines are calls of the other operations, and are answered alike.
        *("--exclude-path", "/certification/v1/batches"),
        *(
            "--seed",
            str(asked.seed),
            "--no-color",
            "--generation-database",
            "none",
            "--continue-on-failure",
            "--no-shrink",
        ),
        *("--report", "json", "--report-json-path", str(asked.directory / f"{service}.json"), "--warnings", "off"),
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.generated_calls.checks"}
    if asked.first_of_a_kind:
        environment["FIRST_OF_A_KIND"] = "1"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    found = re.search(r"(\d+) generated", done.stdout)
    return done.returncode, int(found[1]) if found else 0


def main() -> int:
    """Says on stdout how many calls were made, as JSON; ends with 1 where a check found something."""
    parser = argparse.ArgumentParser(description="Calls that Schemathesis generates, in a network of its own.")
    parser.add_argument("database_url", help="An empty database, through a Unix socket.")
    parser.add_argument("--examples", type=int, default=3, help="How many calls of each operation, at most.")
    parser.add_argument("--first-of-a-kind", action="store_true", help="One wrong call of each kind, not all.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, default=Path.cwd(), help="Where the reports go.")
    asked = parser.parse_args()
    if not is_separate():
        raise SystemExit("this is no network of its own: run it under unshare --net, with loopback up")
    with system(asked.database_url) as url:
        found = {service: generate(url, service, asked) for service in SERVICES}
    print(json.dumps({service: calls for service, (_, calls) in found.items()}))
    return int(any(status for status, _ in found.values()))


if __name__ == "__main__":
    sys.exit(main())
