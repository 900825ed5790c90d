"""A database that cannot be reached opens no door, and a revoked key stops although no notification comes."""

import asyncio
import socket
from typing import Final

import msgspec
import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from services.host.api_keys import key_ring
from services.host.api_keys.key_commands import append_request, fact_of_the_owner
from services.host.api_keys.key_ring import KeyRing
from services.host.refused_request import RefusedRequest
from services.web.scopes import ALLOWS, BOOTSTRAP, LOCAL, Scope
from shared.events.system_facts import KeyRevoked
from tests.access.serving import BOOTSTRAP as BOOTSTRAP_KEY
from tests.access.serving import SECONDS_MAX, issued
from tests.databases import Database

ATTEMPTS: Final = 20
RECONNECT_SECONDS: Final = 0.01
"""Between two attempts. After waits that double up to two seconds, so many would take half a minute."""
NOWHERE: Final = SecretStr("postgresql:///none?host=/nowhere")


def header(key: str) -> bytes:
    return f"Bearer {key}".encode()


def status(ring: KeyRing, authorization: bytes | None) -> int:
    """That of the refusal; 200: there is none."""
    try:
        ring.caller(authorization)
    except RefusedRequest as refused:
        return refused.problem.status
    return 200


async def until(ring: KeyRing, authorization: bytes | None, wanted: int) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while status(ring, authorization) != wanted:  # noqa: ASYNC110 - a task changes it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("keyless", [True, False])
async def test_keys_that_were_never_read_let_nobody_in_but_the_bootstrap_key(
    keyless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_ring, "FIRST_READ_SECONDS_MAX", 0.1)
    without = KeyRing(NOWHERE, None, bootstrap=None, keyless=keyless)
    async with without.running():
        for authorization in (None, b"", header("anything"), header("sagecert_" + "a" * 49)):
            assert status(without, authorization) == 503
    ring = KeyRing(NOWHERE, None, bootstrap=SecretStr(BOOTSTRAP_KEY), keyless=keyless)
    async with ring.running():
        assert ring.caller(header(BOOTSTRAP_KEY)) is BOOTSTRAP
        assert status(ring, header("anything")) == 503


async def test_keys_are_believed_no_longer_than_a_moment_after_they_were_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_ring, "BELIEVED_SECONDS", 1.0)
    key = issued(database, "portal", Scope.READ).text
    ring = KeyRing(SecretStr(database.compliance_url), None, bootstrap=None, keyless=True)
    async with ring.running():
        assert ring.caller(header(key)).name == "portal"
        with psycopg.connect(database.server.url("postgres", "postgres"), autocommit=True) as superuser:
            name = sql.Identifier(database.name)
            superuser.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name]
            )
            await until(ring, header(key), 503)
            assert status(ring, None) == 503
            superuser.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        await until(ring, header(key), 200)


async def test_after_a_long_outage_the_keys_are_read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database refuses every connection; however long it did, the next attempt is as near as the second was."""
    monkeypatch.setattr(key_ring, "RECONNECT_SECONDS_MAX", RECONNECT_SECONDS)
    monkeypatch.setattr(key_ring, "FIRST_READ_SECONDS_MAX", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = SecretStr(f"postgresql://nobody@127.0.0.1:{listening.getsockname()[1]}/none?sslmode=disable")
        async with KeyRing(url, None, bootstrap=None, keyless=True).running(), asyncio.timeout(SECONDS_MAX):
            for _ in range(ATTEMPTS):
                connection, _ = await asyncio.get_running_loop().sock_accept(listening)
                connection.close()


async def test_a_revocation_is_seen_without_its_notification(database: Database, owner: psycopg.Connection) -> None:
    key = issued(database, "portal", Scope.READ)
    ring = KeyRing(SecretStr(database.compliance_url), None, bootstrap=None, keyless=True)
    async with ring.running():
        assert ring.caller(header(key.text)).allowed == ALLOWS[Scope.READ]
        request = append_request(fact_of_the_owner(KeyRevoked("portal", (key.fact_id,))), "portal", 1)
        owner.execute("SELECT certification.append(%s::jsonb)", [msgspec.json.encode([request]).decode()])
        await until(ring, header(key.text), 401)


async def test_a_system_that_never_had_a_key_is_local(database: Database) -> None:
    ring = KeyRing(SecretStr(database.compliance_url), None, bootstrap=None, keyless=True)
    async with ring.running():
        assert ring.caller(None) is LOCAL
        assert ring.caller(header("whatever")) is LOCAL
