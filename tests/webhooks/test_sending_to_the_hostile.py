"""What receivers can do to a sender, over real sockets: each is bounded, told in a sentence, and over."""

import asyncio
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Final

import pytest
import uvloop

from services.compliance.webhooks.outcome import Outcome
from services.compliance.webhooks.transport.http_post import DEADLINE_SECONDS, REPLY_BYTES_KEPT, REPLY_BYTES_MAX, Sender
from tests.webhooks.receiver import (
    Answer,
    Connection,
    Receiver,
    Request,
    end_before_reply,
    endless_body,
    great_header,
    great_headers,
    gzip_bomb,
    no_end_of_body,
    not_http,
    redirect,
    reply,
    reset_after_reply,
    reset_before_reply,
    reset_in_body,
    reset_in_headers,
    silence,
    slow_body,
    slow_headers,
)

LOOPBACK: Final = [ip_network("127.0.0.0/8")]
GARBLED: Final = "the answer is not proper HTTP/1.1, or its headers are too large"
BROKE: Final = "the connection broke before an answer"


def outcome_of(answer: Answer, deadline_seconds: float = 30.0) -> Outcome:
    """What becomes of a message that is answered so; the next one is not disturbed by it.

    On uvloop, as the processes run, which tells of broken connections in other words than the standard library's loop.
    """
    return uvloop.run(_outcome_of(answer, deadline_seconds))


async def _outcome_of(answer: Answer, deadline_seconds: float) -> Outcome:
    async with (
        Receiver() as receiver,
        Sender(
            networks=LOOPBACK,
            plain_http=True,
            clock=lambda: datetime(2026, 3, 2, tzinfo=UTC),
            deadline_seconds=deadline_seconds,
        ) as sender,
    ):
        receiver.script(answer)
        outcome = await sender.post(receiver.url(), {}, b"{}", "application/json")
        assert len(receiver.requests) == 1
        await asyncio.sleep(0.1)
        assert (await sender.post(receiver.url(), {}, b"{}", "application/json")).delivered
        return outcome


def test_the_deadline_is_fifteen_seconds_unless_told_otherwise() -> None:
    assert DEADLINE_SECONDS == 15


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (silence, None, "no answer within 0.5 s"),
        (slow_headers, None, "no answer within 0.5 s"),
        (slow_body, 200, "no whole answer within 0.5 s"),
        (no_end_of_body, 200, "no whole answer within 0.5 s"),
    ],
)
def test_one_deadline_bounds_everything_and_a_2xx_that_is_not_whole_by_then_does_not_count(
    answer: Answer, status: int | None, error: str
) -> None:
    outcome = outcome_of(answer, deadline_seconds=0.5)
    assert (outcome.status, outcome.error, outcome.delivered) == (status, error, False)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (reset_before_reply, None, BROKE),
        (end_before_reply, None, "the connection was closed before an answer"),
        (reset_in_headers, None, BROKE),
        (reset_in_body, 200, "the connection broke within the answer"),
        (great_headers(1 << 20), None, GARBLED),
        (great_header(1 << 20), None, GARBLED),
        (great_header(10_000), None, GARBLED),
        (not_http, None, GARBLED),
        (redirect(301, ""), 301, "answered with a redirect (301), which is not followed"),
        (redirect(302, "http://169.254.169.254/latest/"), 302, "answered with a redirect (302), which is not followed"),
        (redirect(307, "http://[::1]/"), 307, "answered with a redirect (307), which is not followed"),
        (redirect(308, "file:/etc/passwd"), 308, "answered with a redirect (308), which is not followed"),
        (reply(304), 304, "answered with a redirect (304), which is not followed"),
    ],
)
def test_what_is_no_answer_is_a_failure_and_says_why(answer: Answer, status: int | None, error: str) -> None:
    outcome = outcome_of(answer)
    assert (outcome.status, outcome.error, outcome.delivered) == (status, error, False)


@pytest.mark.parametrize("answer", [endless_body, gzip_bomb, reply(200, b"x" * (1 << 20))])
def test_of_a_great_body_little_is_read_and_less_is_kept(answer: Answer) -> None:
    outcome = outcome_of(answer)
    assert (outcome.status, outcome.error, outcome.delivered) == (200, None, True)
    assert len(outcome.reply) == REPLY_BYTES_KEPT


def test_after_sixteen_kibibytes_the_connection_is_closed() -> None:
    """The receiver sees the end of it, however much it still has to say."""
    closed = []

    async def talk(request: Request, connection: Connection) -> bool:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"x" * REPLY_BYTES_MAX)
        await connection.until_hung_up()
        closed.append(True)
        return False

    assert outcome_of(talk).delivered
    assert closed


def test_what_breaks_after_a_whole_reply_does_not_matter() -> None:
    outcome = outcome_of(reset_after_reply)
    assert (outcome.status, outcome.error, outcome.reply) == (200, None, b"ok")


def test_gone_is_told_as_it_is() -> None:
    outcome = outcome_of(reply(410))
    assert (outcome.status, outcome.error, outcome.delivered) == (410, None, False)


def test_interim_answers_for_ever_end_at_the_deadline() -> None:
    async def interim(request: Request, connection: Connection) -> bool:
        while True:
            await connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await asyncio.sleep(0.005)

    outcome = outcome_of(interim, deadline_seconds=0.5)
    assert (outcome.status, outcome.error) == (None, "no answer within 0.5 s")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"extension"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"Trailer: 1\r\n"),
    ],
)
def test_who_talks_without_end_and_says_nothing_is_hung_up_on(first: bytes, then: bytes) -> None:
    """Long before the deadline: meanwhile the event loop would have no time for the other receivers."""

    async def talk(request: Request, connection: Connection) -> bool:
        await connection.send(first)
        while True:
            await connection.send(then * 1000)

    outcome = outcome_of(talk)
    assert not outcome.delivered
    assert outcome.error in {GARBLED, "the connection broke within the answer"}


@pytest.mark.parametrize(
    "wrong",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"\x00" * 100,
    ],
)
def test_garbled_answers_are_never_a_success(wrong: bytes) -> None:
    async def garble(request: Request, connection: Connection) -> bool:
        await connection.send(wrong)
        return False

    outcome = outcome_of(garble)
    assert not outcome.delivered
    assert outcome.error is not None or outcome.status == 101


async def test_an_answer_nobody_asked_for_is_not_taken_for_the_answer_to_the_next_message() -> None:
    async def twice(request: Request, connection: Connection) -> bool:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na" * 2)
        await connection.until_hung_up()
        return False

    async with (
        Receiver() as receiver,
        Sender(networks=LOOPBACK, plain_http=True, clock=lambda: datetime(2026, 3, 2, tzinfo=UTC)) as sender,
    ):
        receiver.script(twice, reply(503))
        assert (await sender.post(receiver.url(), {}, b"{}", "application/json")).delivered
        await asyncio.sleep(0.1)
        assert (await sender.post(receiver.url(), {}, b"{}", "application/json")).status == 503
