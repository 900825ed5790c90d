"""The command: what it says when it cannot start, and what it leaves behind when it stops."""

import json
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.host.embedded_postgres.server import Server
from shared.engine import engine_for
from tests.databases import Database, clone
from tests.systems import WEBHOOKS, environment, gone, sagecert

SECONDS_MAX = 60
API_KEY = "an-example-of-a-key-that-an-owner-chose-0123456789"


def refused(*command: str, **settings: str) -> str:
    """What it says on stderr when it does not start: one sentence, and no traceback."""
    done = subprocess.run(
        sagecert(*command),
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if not line.startswith("PostgreSQL ")]
    assert len(said) == 1, done.stderr
    return said[0]


@contextmanager
def up(data_directory: Path, *options: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`sagecert up` on a server of its own, and its address; killed if the test leaves it running."""
    process = subprocess.Popen(
        sagecert("up", "--port", "0", "--json", "--data-dir", str(data_directory), *options),
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()
            process.wait()


def postmaster(data_directory: Path) -> int:
    """The number of the database server's process."""
    return int((data_directory / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()[0])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_stops_it_leaves_no_server_behind(data_directory: Path, how: signal.Signals) -> None:
    with up(data_directory) as (process, url):
        assert httpx.get(f"{url}/compliance/v1/partners").status_code == 200
        server = postmaster(data_directory)
        process.send_signal(how)
        assert process.wait(SECONDS_MAX) == (-signal.SIGKILL if how is signal.SIGKILL else 0)
        assert gone(server)


def test_a_second_start_on_the_same_data_or_port_is_refused(data_directory: Path) -> None:
    with up(data_directory) as (process, url):
        said = refused("up", "--port", "0", "--data-dir", str(data_directory))
        assert f"process {process.pid}" in said
        port = url.rpartition(":")[2]
        assert f"Port {port} is in use" in refused("up", "--port", port, "--data-dir", str(data_directory / "other"))


def test_a_database_in_use_never_becomes_a_sandbox_nor_the_other_way_round(
    database: Database, sandbox_database: Database
) -> None:
    said = refused("up", "--sandbox", "--port", "0", DATABASE_URL=database.owner_url)
    assert "never becomes a sandbox" in said
    assert "belongs to a sandbox" in refused("up", "--port", "0", DATABASE_URL=sandbox_database.owner_url)
    certification = {"SAGECERT_CERTIFICATION_DATABASE_URL": sandbox_database.certification_url}
    assert "sandbox" in refused("certification", "serve", "--port", "0", **certification)
    owner = {"SAGECERT_OWNER_DATABASE_URL": database.owner_url, "SAGECERT_SANDBOX": "true"}
    assert "never becomes a sandbox" in refused("sandbox", "serve", "--port", "0", **owner)


def test_a_database_that_is_not_migrated_is_named_as_that(server: Server) -> None:
    clone(server, "template1", "not_migrated")
    empty = Database(server, "not_migrated")
    for part, url in (("certification", empty.owner_url), ("sandbox", empty.owner_url)):
        settings = {"SAGECERT_CERTIFICATION_DATABASE_URL": url, "SAGECERT_OWNER_DATABASE_URL": url}
        assert "sagecert migrate" in refused(part, "serve", "--port", "0", SAGECERT_SANDBOX="true", **settings)


@pytest.mark.parametrize(
    "url", ["mysql://u:hush@db/x", "postgresql+asyncpg://u:hush@db/x", "postgresql://u:hush@[::1/x"]
)
@pytest.mark.parametrize(
    ("command", "variable"),
    [
        (["status"], "DATABASE_URL"),
        (["up", "--port", "0"], "SAGECERT_OWNER_DATABASE_URL"),
        (["certification", "serve", "--port", "0"], "SAGECERT_CERTIFICATION_DATABASE_URL"),
        (["compliance", "work"], "SAGECERT_FOLLOWER_DATABASE_URL"),
    ],
)
def test_no_password_is_told_with_what_is_wrong_with_a_url(command: list[str], variable: str, url: str) -> None:
    said = refused(*command, **{variable: url})
    assert variable in said
    assert "postgresql://" in said
    assert "hush" not in said


@pytest.mark.parametrize(
    ("command", "settings", "sentence"),
    [
        (["up", "--host", "0.0.0.0"], {}, "set SAGECERT_API_KEY"),
        (["up"], {"SAGECERT_API_KEY": "a-secret-of-ours"}, "has at least 128 random bits"),
        (["up"], {"SAGECERT_API_KEY": "a" * 40}, "secrets.token_urlsafe(32)"),
        (["up"], {"SAGECERT_API_KEY": "0123456789 abcdef 0123456789 abcdef"}, "visible ASCII without spaces"),
        (["keys", "list", "--data-dir", "nowhere"], {}, "no `sagecert up` is running with --data-dir nowhere"),
        (["up", "--host", "example.org"], {}, "set SAGECERT_API_KEY"),
        (["up"], {"DATABASE_URL": "postgresql://localhost:1/x"}, "Connection refused"),
        (["up"], {"DATABASE_URL": "nonsense"}, "DATABASE_URL) cannot be used: the URL of a PostgreSQL begins with"),
        (["up"], {"SAGECERT_PRODUCTS": '["a b"]'}, "SAGECERT_PRODUCTS cannot be used: 'a b' is not an id"),
        (["up"], {"SAGECERT_PRODUCTS": '["S", "S"]'}, "SAGECERT_PRODUCTS cannot be used: each product is named once"),
        (["up"], {"SAGECERT_PRODUCTS": "S200P"}, "SAGECERT_PRODUCTS cannot be used: a list is written as JSON"),
        (["up", "--data-dir", "/dev/null/nowhere"], {}, "/dev/null/nowhere cannot be used"),
        (["up"], {"SAGECERT_SANDBOX": "perhaps"}, "The setting SAGECERT_SANDBOX cannot be used"),
        (["certification", "serve"], {}, "SAGECERT_CERTIFICATION_DATABASE_URL is missing"),
        (["compliance", "serve"], {}, "SAGECERT_COMPLIANCE_DATABASE_URL is missing"),
        (["compliance", "work"], {}, "SAGECERT_FOLLOWER_DATABASE_URL is missing"),
        (["compliance", "work"], {"SAGECERT_COMPLIANCE_WEBHOOK_KEYS": '["short"]'}, "is not 32 random bytes"),
        (["compliance", "work"], {"SAGECERT_COMPLIANCE_WEBHOOK_KEYS": "short"}, "a list is written as JSON"),
        (
            ["compliance", "work"],
            {"SAGECERT_COMPLIANCE_WEBHOOK_NETWORKS": '["10.0.0.1/8"]'},
            "SAGECERT_COMPLIANCE_WEBHOOK_NETWORKS cannot be used: value is not a valid IPv4 or IPv6 network.",
        ),
        (["sandbox", "serve"], {"SAGECERT_OWNER_DATABASE_URL": "postgresql://localhost:1/x"}, "The sandbox is off"),
        (["migrate"], {}, "SAGECERT_OWNER_DATABASE_URL is missing"),
        (["status", "--data-dir", "nowhere"], {}, "no `sagecert up` is running with --data-dir nowhere"),
        (["compliance", "rebuild", "--data-dir", "nowhere"], {}, "SAGECERT_OWNER_DATABASE_URL names none"),
    ],
)
def test_what_is_in_the_way_is_said_in_one_sentence(
    command: list[str], settings: dict[str, str], sentence: str
) -> None:
    port = ["--port", "0"] if "up" in command or "serve" in command else []
    assert sentence in refused(*command, *port, **settings)


def test_the_librarys_switch_that_loses_facts_is_refused(database: Database) -> None:
    settings = {"DATABASE_URL": database.owner_url, "POSTGRES_ENABLE_DB_FUNCTIONS": "y"}
    said = refused("up", "--port", "0", **WEBHOOKS, **settings)
    assert "POSTGRES_ENABLE_DB_FUNCTIONS must not be set" in said


def test_with_a_key_every_call_needs_it(database: Database, data_directory: Path) -> None:
    settings = {"DATABASE_URL": database.owner_url, "SAGECERT_API_KEY": API_KEY}
    with up(data_directory, "--host", "0.0.0.0", **settings) as (_, url):
        url = url.replace("0.0.0.0", "127.0.0.1")
        for path in ("/compliance/v1/partners", "/certification/v1/events", "/nowhere"):
            for headers in ({}, {"Authorization": "Bearer another"}, {"Authorization": f"Basic {API_KEY}"}):
                answer = httpx.get(url + path, headers=headers)
                assert answer.status_code == 401
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["www-authenticate"].startswith("Bearer")
            answer = httpx.get(url + path, headers={"Authorization": f"Bearer {API_KEY}"})
            assert answer.status_code == (404 if path == "/nowhere" else 200)
        for path in ("/docs", "/openapi.json", "/certification/healthz"):
            assert httpx.get(url + path).status_code == 200
        ready = httpx.get(f"{url}/compliance/readyz")  # the follower may not have derived anything so far
        assert ready.status_code == 200 or (ready.status_code, ready.json()["title"]) == (503, "Not ready")


def test_without_the_sandbox_nothing_says_or_offers_it(database: Database, data_directory: Path) -> None:
    with up(data_directory, DATABASE_URL=database.owner_url) as (_, url):
        for path in ("/sandbox/v1/clock", "/nowhere"):
            answer = httpx.get(url + path)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"
            assert "X-Sandbox" not in answer.headers
        assert httpx.post(f"{url}/sandbox/v1/reset", json={"now": "2022-01-01T00:00:00Z"}).status_code == 404


def test_it_makes_itself_a_key_for_webhooks_once(database: Database, data_directory: Path) -> None:
    """For itself alone to read; what it seals is opened after the next start."""
    kept = data_directory / "made" / "webhook-key"
    endpoints = "/compliance/v1/webhook-endpoints"
    with up(kept.parent, DATABASE_URL=database.owner_url) as (_, url):
        registered = httpx.post(url + endpoints, json={"url": "https://receiver.example/"}).json()
    key = kept.read_bytes()
    with up(kept.parent, DATABASE_URL=database.owner_url) as (_, url):
        rotated = httpx.post(f"{url}{endpoints}/{registered['endpoint_id']}/secret-rotations").json()
    assert rotated["previous_expires_at"] is not None
    assert kept.read_bytes() == key
    assert kept.stat().st_mode & 0o777 == 0o600
    # The sealer makes its directory when it first runs, which a short life may not see.
    assert {path.name for path in kept.parent.iterdir()} - {"audit"} == {kept.name}


def test_a_damaged_key_for_webhooks_is_named(database: Database, data_directory: Path) -> None:
    (data_directory / "webhook-key").write_text("nothing")
    said = refused("up", "--port", "0", "--data-dir", str(data_directory), DATABASE_URL=database.owner_url)
    assert "holds no key" in said
    said = refused("up", "--port", "0", "--data-dir", "/dev/null/nowhere", DATABASE_URL=database.owner_url)
    assert "set SAGECERT_COMPLIANCE_WEBHOOK_KEYS" in said


def status(database: Database, *options: str, **settings: str) -> str:
    done = subprocess.run(
        sagecert("status", *options),
        env=environment({"SAGECERT_OWNER_DATABASE_URL": database.owner_url, **settings}),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_status_tells_a_script_how_far_it_has_come(database: Database) -> None:
    shown = json.loads(status(database, "--json"))
    assert shown | {"facts": 0, "applied": 0, "sandbox": False} == shown


def test_status_tells_the_engines_and_what_to_do_where_they_differ(database: Database, data_directory: Path) -> None:
    assert "advice" not in json.loads(status(database, "--json")), "nothing is derived yet"
    body = {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS"}
    with up(data_directory, DATABASE_URL=database.owner_url) as (_, url):
        recorded = httpx.post(f"{url}/certification/v1/partners", json=body, headers={"Idempotency-Key": "1"}).json()
        asked = {"min_position": recorded["position"]}
        assert httpx.get(f"{url}/compliance/v1/partners/P1", params=asked).status_code == 200
    same = json.loads(status(database, "--json"))
    own = engine_for(("S200P", "S200S")).engine_id
    assert (same["engine"], same["derived_by"], same["engine_of_this_code"], "advice" in same) == (own, own, own, False)
    products = '["S200P", "S300"]'
    other = json.loads(status(database, "--json", SAGECERT_PRODUCTS=products))
    assert (other["engine"], other["engine_of_this_code"]) == (own, engine_for(("S200P", "S300")).engine_id)
    assert "sagecert migrate" in other["advice"]
    owner = {"SAGECERT_OWNER_DATABASE_URL": database.owner_url, "SAGECERT_PRODUCTS": products}
    subprocess.run(sagecert("migrate"), env=environment(owner), check=True, capture_output=True)
    assert "run `sagecert compliance rebuild`" in status(database, SAGECERT_PRODUCTS=products)


def test_what_runs_on_a_server_of_its_own_is_looked_at_and_rebuilt(data_directory: Path) -> None:
    def done(*command: str) -> dict[str, Any]:
        process = subprocess.run(
            sagecert(*command, "--json", "--data-dir", str(data_directory)),
            env=environment({}),
            capture_output=True,
            text=True,
            check=True,
        )
        told: dict[str, Any] = json.loads(process.stdout)
        return told

    body = {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS"}
    with up(data_directory) as (_, url):
        httpx.post(f"{url}/certification/v1/partners", json=body, headers={"Idempotency-Key": "1"}).raise_for_status()
        assert done("status")["facts"] == 2  # the engine that decides is the first
        rebuilt = done("compliance", "rebuild")
        assert (rebuilt["partners"], rebuilt["position"]) == (1, 2)
    assert "no `sagecert up` is running" in refused("status", "--data-dir", str(data_directory))


def test_what_is_in_use_is_what_a_rebuild_gives(database: Database, data_directory: Path) -> None:
    body = {"partner_id": "P1", "kind": "VAR", "programme": "PARTNER_SUCCESS"}
    with up(data_directory, DATABASE_URL=database.owner_url) as (_, url):
        recorded = httpx.post(f"{url}/certification/v1/partners", json=body, headers={"Idempotency-Key": "1"}).json()
        asked = {"min_position": recorded["position"]}
        assert httpx.get(f"{url}/compliance/v1/partners/P1", params=asked).status_code == 200
    for options in (["--verify"], []):
        done = subprocess.run(
            sagecert("compliance", "rebuild", "--json", *options),
            env=environment({"SAGECERT_OWNER_DATABASE_URL": database.owner_url}),
            capture_output=True,
            text=True,
            check=True,
        )
        rebuilt = json.loads(done.stdout)
        assert (rebuilt["partners"], rebuilt["position"], rebuilt["differences"]) == (1, 2, [])


def test_it_holds_more_connections_than_a_process_may_open_at_first(database: Database, data_directory: Path) -> None:
    """On macOS that is 256 in all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as opened:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            _, url = opened.enter_context(up(data_directory, DATABASE_URL=database.owner_url))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(300):
            opened.enter_context(socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))))
        assert httpx.get(f"{url}/docs").status_code == 200


def hung_up(connection: socket.socket) -> bool:
    """Whether the other side ends it, having said why: with a reset where something that we sent was not read."""
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return True


def test_a_caller_who_never_finishes_is_cut_off(database: Database, data_directory: Path) -> None:
    with up(data_directory, DATABASE_URL=database.owner_url) as (_, url):
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as slow:
            slow.settimeout(SECONDS_MAX)
            slow.sendall(b"GET /docs HTTP/1.1\r\n")
            began = time.monotonic()
            assert hung_up(slow)
            assert time.monotonic() - began < 2 * 10
        with socket.create_connection(("127.0.0.1", port)) as endless:
            endless.settimeout(SECONDS_MAX)
            with suppress(ConnectionError):
                endless.sendall(b"GET /docs HTTP/1.1\r\nX: " + b"x" * (80 << 10))
            assert hung_up(endless)
