"""Whatever a caller sends as a key: refused with a problem, never with a fault, and the key is nowhere to be read."""

import json
import logging
import subprocess

import httpx
import psycopg
import pytest

from services.host.api_keys.key_text import new_key
from services.web.scopes import Scope
from tests.access.serving import BOOTSTRAP, bearer, issued, link, served
from tests.databases import Database
from tests.systems import environment, sagecert

PATH = "/compliance/v1/partners"
EVERYTHING = """
    SELECT table_schema, table_name FROM information_schema.tables
    WHERE table_schema IN ('certification', 'compliance', 'webhooks', 'audit') AND table_type = 'BASE TABLE'
"""


async def test_every_other_header_is_refused(database: Database) -> None:
    key = issued(database, "portal", Scope.READ).text
    forms = [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer \t ",
        key.encode(),
        b"Basic " + key.encode(),
        b"Token " + key.encode(),
        b"Bearer: " + key.encode(),
        b"Bearer " + key.encode() + b"," + key.encode(),
        b"Bearer " + key.encode() + b" " + key.encode(),
        b'Bearer "' + key.encode() + b'"',
        b"Bearer " + key.encode().upper(),
        b"Bearer " + key.encode()[:-1],
        b"Bearer " + key.encode() + b"\xa0",
        b"Bearer \xff\xfe\x00",
        "Bearer ключ".encode(),
        b"Bearer " + b"a" * 60_000,
        b"Bearer sagecert_" + b"a" * 49,
        b"Bearer " + new_key().encode(),
        b"\x00Bearer " + key.encode(),
    ]
    async with served(database, bootstrap=BOOTSTRAP) as http:
        for form in forms:
            answer = await http.get(PATH, headers=[(b"authorization", form)])
            assert answer.status_code == 401, form
            assert answer.headers["content-type"] == "application/problem+json"
            assert key not in answer.text
        for form in (b"bearer " + key.encode(), b"BEARER   " + key.encode() + b"  "):
            assert (await http.get(PATH, headers=[(b"authorization", form)])).status_code == 200, form


async def test_two_headers_are_refused_whatever_they_say(database: Database) -> None:
    key = issued(database, "portal", Scope.READ).text
    async with served(database) as http:
        for values in ((key, key), (key, "x"), ("x", key)):
            headers = [("authorization", f"Bearer {value}") for value in values]
            answer = await http.get(PATH, headers=headers)
            assert answer.status_code == 422
            assert "twice" in answer.json()["detail"]


async def test_nothing_but_the_header_is_a_key(database: Database) -> None:
    key = issued(database, "portal", Scope.READ).text
    async with served(database) as http:
        assert (await http.get(PATH, headers={"X-API-Key": key})).status_code == 401
        assert (await http.get(PATH, headers={"Proxy-Authorization": f"Bearer {key}"})).status_code == 401
        assert (await http.get(f"{PATH}?access_token={key}")).status_code == 401
        assert (await http.get(PATH, headers={"Cookie": f"key={key}"})).status_code == 401


async def test_no_name_of_a_method_or_path_gets_around_the_key(database: Database) -> None:
    issued(database, "portal", Scope.READ)
    async with served(database) as http:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "get", "X"):
            for path in (PATH, f"{PATH}/", "/docs/../compliance/v1/partners", "/compliance/healthz/../v1/partners"):
                answer = await http.request(method, httpx.URL(f"http://system{path}"))
                assert answer.status_code == 401, (method, path)


async def test_a_refused_call_has_done_nothing(database: Database, owner: psycopg.Connection) -> None:
    issued(database, "portal", Scope.READ)
    async with served(database) as http:
        assert (await link(http, None, "k")).status_code == 401
        assert (await link(http, new_key(), "k")).status_code == 401
    assert owner.execute("SELECT count(*) FROM certification.stored_events").fetchone() == (1,)


async def test_no_key_is_in_the_database_or_a_log(
    database: Database, owner: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = issued(database, "lms", Scope.FACTS)
    async with served(database, bootstrap=BOOTSTRAP) as http:
        for sent in (key.text, BOOTSTRAP, new_key()):
            await link(http, sent, "k")
            await http.get(f"/nowhere/{sent[:20]}", headers=bearer(sent))
    random_part = key.text.removeprefix("sagecert_")
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))
    assert random_part not in logged
    assert BOOTSTRAP not in logged
    tables = owner.execute(EVERYTHING).fetchall()
    assert len(tables) > 10
    for schema, table in tables:
        for (row,) in owner.execute(f'SELECT t::text FROM "{schema}"."{table}" t').fetchall():
            stored = row + "".join(bytes.fromhex(part).decode("latin-1") for part in _byteas(row))
            assert random_part not in stored
            assert BOOTSTRAP not in stored


def _byteas(row: str) -> list[str]:
    """The values of type bytea in the text of a row."""
    found = (part.partition('"')[0].partition(",")[0].partition(")")[0] for part in row.split("\\\\x")[1:])
    return [part for part in found if len(part) % 2 == 0]


def test_the_command_shows_a_key_once_and_takes_none_as_an_argument(database: Database) -> None:
    settings = environment({"SAGECERT_OWNER_DATABASE_URL": database.owner_url})

    def run(*command: str) -> str:
        done = subprocess.run(sagecert("keys", *command), env=settings, capture_output=True, text=True, check=True)
        return done.stdout

    key = json.loads(run("issue", "lms", "--scope", "facts", "--scope", "audit", "--json"))
    assert key["scopes"] == ["audit", "facts"]
    text = key["key"]
    assert run("issue", "crm", "--scope", "read").strip().startswith("sagecert_")
    listed = json.loads(run("list", "--json"))
    assert [entry["name"] for entry in listed] == ["lms", "crm"]
    assert text not in json.dumps(listed)
    assert run("revoke", "lms") == "1 key of lms revoked\n"
    assert [entry["name"] for entry in json.loads(run("list", "--json", "--at", listed[1]["issued_at"]))] == [
        "lms",
        "crm",
    ]
    assert "revoked" in run("list")
