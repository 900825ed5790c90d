"""What only reads: served by roles that cannot write, and ended where its key is revoked."""

import asyncio
from typing import Final

import psycopg
import pytest
from psycopg import sql
from starlette.types import Message

from services.host.api_keys.key_commands import NewKey
from services.host.gateway import Gateway
from services.web.scopes import Scope
from tests.access.serving import SECONDS_MAX, bearer, issued, link, revoked, running, served
from tests.databases import Database

FEEDS: Final = ("/certification/v1/events", "/compliance/v1/events")
QUESTIONS: Final = (
    "/certification/v1/facts?idempotency_key=k",
    "/certification/v1/events",
    "/compliance/v1/partners/P1",
    "/compliance/v1/partners/P1?known_position=1",
    "/compliance/v1/partners/P1/timeline",
    "/compliance/v1/partners",
    "/compliance/v1/events",
)
ENDED_SECONDS_MAX: Final = 10
AWAY: Final = sql.SQL("REVOKE SELECT ON ALL TABLES IN SCHEMA certification, compliance FROM {}")


async def test_answers_and_feeds_are_served_by_roles_that_cannot_write(database: Database) -> None:
    """Without the rights of the reading roles no question is answered; facts are recorded all the same."""
    key = issued(database, "lms", Scope.FACTS)
    async with served(database) as http:
        assert (await link(http, key, "k")).status_code == 201
        for question in QUESTIONS:
            assert (await http.get(question, headers=bearer(key))).status_code in (200, 404), question
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        for service in ("certification", "compliance"):
            owner.execute(AWAY.format(sql.Identifier(f"sagecert_{service}_reader")))
    async with served(database) as http:
        for question in QUESTIONS:
            assert (await http.get(question, headers=bearer(key))).status_code >= 500, question
        assert (await link(http, key, "k2", "C2")).status_code == 201


@pytest.mark.parametrize("path", FEEDS)
async def test_a_stream_ends_when_its_key_is_revoked(database: Database, path: str) -> None:
    key = issued(database, "portal", Scope.READ)
    async with running(database) as gateway:
        sent: list[Message] = []
        stream = asyncio.create_task(following(gateway, path, key, sent))
        async with asyncio.timeout(SECONDS_MAX):
            while len(sent) < 2:  # noqa: ASYNC110 - it has not begun
                await asyncio.sleep(0.02)
            assert not stream.done()
            revoked(database, "portal")
        ended, _ = await asyncio.wait({stream}, timeout=ENDED_SECONDS_MAX)
        assert ended
    assert sent[0]["status"] == 200
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


@pytest.mark.parametrize(("path", "kind"), list(zip(FEEDS, ("partners-merged", "retracted"), strict=True)))
async def test_a_long_poll_is_refused_when_its_key_is_revoked(database: Database, path: str, kind: str) -> None:
    key = issued(database, "portal", Scope.READ)
    async with served(database) as http:
        question = http.get(path, params={"timeout": 60, "type": kind}, headers=bearer(key))
        waiting = asyncio.create_task(question)
        await asyncio.sleep(0.2)
        assert not waiting.done()
        revoked(database, "portal")
        async with asyncio.timeout(SECONDS_MAX):
            assert (await waiting).status_code == 401


async def test_the_calls_of_another_key_go_on(database: Database) -> None:
    key, _ = (issued(database, name, Scope.READ) for name in ("portal", "another"))
    async with served(database) as http:
        question = http.get(FEEDS[0], params={"timeout": 2, "type": "partners-merged"}, headers=bearer(key))
        waiting = asyncio.create_task(question)
        await asyncio.sleep(0.2)
        revoked(database, "another")
        assert (await waiting).status_code == 200


async def following(gateway: Gateway, path: str, key: NewKey, sent: list[Message]) -> None:
    """A stream of a caller who never hangs up."""
    headers = [(b"accept", b"text/event-stream"), (b"authorization", f"Bearer {key.text}".encode())]
    scope: dict[str, object] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
    }
    scope |= {"headers": headers, "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1"}
    never = asyncio.Event()

    async def receive() -> Message:
        await never.wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await gateway(scope, receive, send)
