"""The tests see nothing of the folder, the environment and the account that start them, nor of a system beside them."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.architecture.test_readme import READ
from tests.clean_environment import ROOT
from tests.databases import reachable_directory
from tests.systems import environment, sagecert

SECONDS_MAX: Final = 290

SUBSET: Final = (
    "architecture/test_documents.py",
    "architecture/test_readme.py::test_the_examples_answer_what_the_readme_shows",
    "compliance/test_read_model_schema.py",
    "end_to_end/test_command.py::test_a_database_in_use_never_becomes_a_sandbox_nor_the_other_way_round",
    "end_to_end/test_command.py::test_a_damaged_key_for_webhooks_is_named",
    "end_to_end/test_command.py::test_status_tells_a_script_how_far_it_has_come",
    "end_to_end/test_embedded_postgres.py::test_a_data_directory_has_one_owner",
    "webhooks/test_sending.py::test_the_proxy_of_the_environment_is_not_asked",
)
"""Tests of every kind: in this process, over HTTP, of commands, of a database server, and of shell scripts."""

LIBPQ: Final = {
    "PGDATABASE": "nowhere",
    "PGHOST": "192.0.2.1",
    "PGOPTIONS": "-c search_path=nowhere -c default_transaction_read_only=on",
    "PGPASSWORD": "nothing",
    "PGPORT": "1",
    "PGSERVICE": "nothing",
    "PGSSLMODE": "verify-full",
    "PGTZ": "Asia/Kathmandu",
    "PGUSER": "nobody",
}

ACCOUNT: Final = {
    "ALL_PROXY": "http://127.0.0.1:1",
    "BASH_ENV": "/dev/full",
    "CURL_HOME": "/nowhere",
    "GIT_DIR": "/nowhere",
    "GIT_INDEX_FILE": "/nowhere",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
    "LANG": "de_DE.ISO-8859-1",
    "LC_ALL": "tr_TR.UTF-8",
    "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
    "PYTHONDEVMODE": "1",
    "SSL_CERT_FILE": "/nowhere",
    "SAGECERT_WATCHDOG_STAYS": "1",
    "TZ": "America/St_Johns",
}

FILES: Final = {
    ".curlrc": "fail\nuser-agent = odd\nproxy = http://127.0.0.1:1\n",
    ".gitconfig": "[core]\n\texcludesFile = /etc/hostname\n[safe]\n\tdirectory =\n",
    ".netrc": "default login somebody password something\n",
    ".pg_service.conf": "[nothing]\nhost=192.0.2.1\n",
    ".pgpass": "*:*:*:*:nothing\n",
    ".postgresql/root.crt": "no certificate\n",
}
"""In the account's home."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the tests are started, and where a system runs on the `.data` of the folder."""
    with reachable_directory() as directory:
        for name, text in FILES.items():
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_text(text)
        yield directory


@pytest.mark.timeout(300)
def test_the_tests_see_nothing_of_what_is_around_them(folder: Path) -> None:
    with ExitStack() as beside:
        for port in (8000, 8001, 8002, 8003, 5432):
            with socket.socket() as taken:
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    taken.bind(("127.0.0.1", port))
                except OSError:
                    continue  # another program has it already
                taken.listen()
                beside.enter_context(taken.dup())
        system = beside.enter_context(
            subprocess.Popen(
                sagecert("up", "--port", "0", "--json"),
                cwd=folder,
                env=environment({}),
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        beside.callback(system.kill)
        assert system.stdout is not None
        url = json.loads(system.stdout.readline())["url"]
        body = {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS"}
        httpx.post(f"{url}/certification/v1/partners", json=body, headers={"Idempotency-Key": "1"}).raise_for_status()
        before = files(folder)
        done = outcome_in(folder, url)
        assert done.returncode == 0, done.stdout + done.stderr
        assert " skipped" not in done.stdout
        recorded = [fact["data"].get("partner_id") for fact in httpx.get(f"{url}/certification/v1/events").json()]
        assert recorded == [None, "P1"]  # first the engine that decides
        assert files(folder) == before


def outcome_in(folder: Path, url: str) -> "subprocess.CompletedProcess[str]":
    """The subset, started as carelessly as one can."""
    settings = dict.fromkeys(READ, "nonsense") | {"DATABASE_URL": "postgresql://192.0.2.1:1/nowhere", "URL": url}
    del settings["SAGECERT_POSTGRES_BIN"]
    odd = environment({**settings, **LIBPQ, **ACCOUNT, "HOME": str(folder)})
    del odd["PYTHONPATH"]
    options = (
        "-q",
        "-p",
        "no:cacheprovider",
        "-n",
        "0",
        "--timeout",
        "0",
        "--rootdir",
        str(ROOT),
        "-c",
        str(ROOT / "pyproject.toml"),
    )
    before = os.umask(0o077)
    try:
        return subprocess.run(
            [sys.executable, "-m", "pytest", *options, *(str(ROOT / "tests" / test) for test in SUBSET)],
            cwd=folder,
            env=odd,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
    finally:
        os.umask(before)


def files(folder: Path) -> set[Path]:
    """What lies in the folder, but for the files of its database and the notes of its sealer."""
    return {path for path in folder.rglob("*") if not {"postgres", "audit"} & set(path.parts)}
