"""The receiver of the integrator guide, run as it stands there, does what the guide says of it."""

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pytest

from services.compliance.webhooks import message
from services.compliance.webhooks.filter_and_cursor import Cursor
from services.compliance.webhooks.outcome import Outcome
from services.compliance.webhooks.signing import Signer, new_secret, secret_text
from services.compliance.webhooks.transport.http_post import Sender
from services.host.wall_clock import wall_clock
from tests.architecture.markdown import code_blocks, read, sections
from tests.webhooks.events import AT, event_message

RECEIVER: Final = code_blocks(sections(read("docs/integrator-guide.md"))["Receiving webhooks"], "python")


class Subscriber:
    """The process, and whoever sends to it."""

    def __init__(self, sender: Sender, url: str, directory: Path) -> None:
        self._secret = new_secret()
        self._sender, self._url, self._directory = sender, url, directory

    @property
    def secret(self) -> str:
        """What it verifies with."""
        return secret_text(self._secret)

    async def receives(self, body: bytes, *, changed: bytes = b"", headers: dict[str, str] | None = None) -> Outcome:
        """Sends it a message. `changed`: what an impostor adds to the body; `headers`: instead of the right ones."""
        signed = Signer([self._secret]).headers("evt-1", wall_clock(), body) | (headers or {})
        return await self._sender.post(self._url, signed, body + changed, "application/cloudevents+json")

    def may_sell(self) -> dict[tuple[str, str], bool]:
        """Which partners may sell which products to new customers, as far as it knows."""
        with sqlite3.connect(self._directory / "standings.db") as database:
            rows = database.execute("SELECT partner, product, sell_new FROM may_sell").fetchall()
        return {(partner, product): bool(may) for partner, product, may in rows}

    def complaints(self) -> int:
        """How often it has said that messages are missing."""
        return (self._directory / "log").read_text().count("messages are missing")


@contextmanager
def running(directory: Path, listening: socket.socket, secret: str) -> Iterator[None]:
    """The block of the guide as a program of its own, which answers on the socket and writes to `log`."""
    (source,) = RECEIVER
    (directory / "receiver.py").write_text(source)
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "receiver:app", "--fd", str(listening.fileno())],
            cwd=directory,
            env={**os.environ, "WEBHOOK_SECRET": secret},
            pass_fds=[listening.fileno()],
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


@pytest.fixture
async def subscriber(tmp_path: Path) -> AsyncIterator[Subscriber]:
    """A subscriber that was told nothing yet."""
    sender = Sender(
        networks=[ip_network("127.0.0.0/8")], plain_http=True, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Subscriber(sender, f"http://127.0.0.1:{listening.getsockname()[1]}/hooks", tmp_path)
        with running(tmp_path, listening, found.secret):
            async with sender:
                yield found


def event(sequence: int, may_sell: bool | None = True, **more: Any) -> bytes:
    """A message about harbour and S200P."""
    return event_message(sequence, may_sell=may_sell, **more).body


def heartbeat(sequence: int, epoch: int = 1) -> bytes:
    """That there is nothing after the message of this number."""
    return message.heartbeat_body("beat", "endpoint", Cursor(position=0, epoch=epoch, sequence=sequence), AT)


def test_it_is_short() -> None:
    lines = [line for block in RECEIVER for line in block.splitlines()]
    assert 0 < sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in lines) <= 30


async def test_it_applies_what_is_genuine_once_and_refuses_the_rest(subscriber: Subscriber) -> None:
    assert (await subscriber.receives(event(1, True))).status == 204
    assert subscriber.may_sell() == {("harbour", "S200P"): True}
    assert (await subscriber.receives(event(2, False), changed=b" ")).status == 401
    assert (await subscriber.receives(event(2, False), headers={"webhook-signature": "nonsense"})).status == 401
    assert (await subscriber.receives(event(2, False), headers={"webhook-timestamp": "1"})).status == 401
    assert subscriber.may_sell() == {("harbour", "S200P"): True}
    assert (await subscriber.receives(event(2, False))).status == 204
    assert (await subscriber.receives(event(1, True))).status == 204
    assert (await subscriber.receives(event(1, True, epoch=2, event_id="event-1-1", replay=True))).status == 204
    assert subscriber.may_sell() == {("harbour", "S200P"): False}
    assert subscriber.complaints() == 0


async def test_it_sells_nothing_that_is_no_longer_sold(subscriber: Subscriber) -> None:
    for sequence, told_to_sell in enumerate((True, None, True), start=1):
        assert (await subscriber.receives(event(sequence, told_to_sell))).delivered
        assert subscriber.may_sell() == {("harbour", "S200P"): told_to_sell is True}


async def test_it_takes_a_batch_whole_and_a_test_for_what_it_is(subscriber: Subscriber) -> None:
    assert (
        await subscriber.receives(message.batch_body([event_message(1, may_sell=False), event_message(2)]))
    ).status == 204
    assert (await subscriber.receives(message.test_event_body("test", "endpoint", AT))).status == 204
    assert subscriber.may_sell() == {("harbour", "S200P"): True}
    assert (await subscriber.receives(b"[" + event(3, False) + b', {"type": "nonsense.heartbeat.v1"}]')).status == 500
    assert subscriber.may_sell() == {("harbour", "S200P"): True}
    await asyncio.sleep(0.1)  # after a failure the server closes the connection; the next attempt is never at once
    assert (await subscriber.receives(event(3, False))).status == 204
    assert subscriber.may_sell() == {("harbour", "S200P"): False}


async def test_it_notices_what_is_missing_and_nothing_else(subscriber: Subscriber) -> None:
    parked = event(7, delivered_sequence=2)
    whole = [event(1), event(2), heartbeat(2), parked, event(3), event(8), event(1, epoch=2), event(9)]
    for one in [*whole, heartbeat(1, epoch=2), heartbeat(0, epoch=3)]:
        assert (await subscriber.receives(one)).delivered
    assert subscriber.complaints() == 0
    gaps = [event(2, epoch=3), event(5, epoch=3, delivered_sequence=3), heartbeat(6, epoch=3)]
    for count, one in enumerate(gaps, start=1):
        assert (await subscriber.receives(one)).delivered
        assert subscriber.complaints() == count
