"""What is sent, and what becomes of it, over real sockets."""

import asyncio
import gzip
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from services.compliance.webhooks.outcome import RETRY_AFTER_SECONDS_MAX, Outcome
from services.compliance.webhooks.signing import Signer, new_secret, secret_text
from services.compliance.webhooks.transport.http_post import Sender, retry_after_seconds
from services.host.wall_clock import wall_clock
from tests.webhooks.name_servers import Names
from tests.webhooks.receiver import Receiver, end_before_reply, once, reply, reset_before_reply, silence

LOOPBACK: Final = [ip_network("127.0.0.0/8")]
NOW: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
BODY: Final = b'{"partner": "harbour"}'


def sender(deadline_seconds: float = 30.0, **rest: Any) -> Sender:
    """Whoever sends to loopback."""
    return Sender(networks=LOOPBACK, plain_http=True, clock=lambda: NOW, deadline_seconds=deadline_seconds, **rest)


async def post(sender: Sender, url: str) -> Outcome:
    """Sends some message."""
    return await sender.post(url, {"webhook-id": "evt-1"}, BODY, "application/cloudevents+json")


async def test_a_signed_message_arrives_as_it_was_signed() -> None:
    secret = new_secret()
    async with Receiver() as receiver, sender() as sending:
        headers = Signer([secret]).headers("evt-1", wall_clock(), BODY)
        outcome = await sending.post(receiver.url(), headers, BODY, "application/cloudevents+json")
    assert outcome.delivered
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/hooks", BODY)
    assert request.headers["content-type"] == "application/cloudevents+json"
    assert request.headers["user-agent"] == "sagecert-webhooks/1"
    assert request.headers["accept-encoding"] == "identity"
    assert Webhook(secret_text(secret)).verify(request.body, dict(request.headers)) == {"partner": "harbour"}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_delivered(status: int) -> None:
    async with Receiver(reply(status)) as receiver, sender() as sending:
        outcome = await post(sending, receiver.url())
    assert (outcome.status, outcome.error, outcome.delivered) == (status, None, True)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413, 422, 429, 500, 503])
async def test_any_other_status_is_told_with_what_the_receiver_says(status: int) -> None:
    async with Receiver(reply(status, b"no such partner")) as receiver, sender() as sending:
        outcome = await post(sending, receiver.url())
    assert (outcome.status, outcome.error, outcome.delivered) == (status, None, False)
    assert outcome.reply == b"no such partner"


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("007", 7.0),
        ("-5", None),
        ("-0", None),
        ("+5", None),
        ("Mon, 02 Mar 2026 10:02:00 GMT", 120.0),
        ("Mon, 02 Mar 2026 11:02:00 +0100", 120.0),
        ("Mon, 02 Mar 2026 10:02:00 -0000", 120.0),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_SECONDS_MAX),
        ("9" * 10, RETRY_AFTER_SECONDS_MAX),
        ("9" * 11, None),
        ("9" * 400, None),
        ("120, 60", None),
        ("1_0", None),
        ("0x10", None),
        ("2 Mar 2026 10:02:00 GMT", None),
        ("Monday, 02-Mar-26 10:02:00 GMT", 120.0),
        ("Mon Mar  2 10:02:00 2026", 120.0),
        ("soon", None),
        ("", None),
        ("1.5", None),
        ("1e400", None),
        ("inf", None),
        ("nan", None),
        ("\u00b2", None),
        ("Mon, 99 Mar 2026 10:02:00 GMT", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Mon, 02 Mar 2026 10:02:00 +99999999", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
    ],
)
async def test_when_a_receiver_asks_to_be_left_alone(asked: str, seconds: float | None) -> None:
    async with Receiver(reply(429, retry_after=asked)) as receiver, sender() as sending:
        outcome = await post(sending, receiver.url())
    assert (outcome.status, outcome.retry_after_seconds) == (429, seconds)


async def test_who_asks_twice_asks_for_nothing() -> None:
    async with Receiver(reply(429, retry_after="120\r\nRetry-After: 60")) as receiver, sender() as sending:
        outcome = await post(sending, receiver.url())
    assert (outcome.status, outcome.retry_after_seconds) == (429, None)


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,5} \d\d:\d\d(:\d\d)? [+-]?\w{1,6}"))
def test_whatever_a_receiver_asks_is_a_bounded_time_or_nothing(asked: str) -> None:
    seconds = retry_after_seconds(asked, lambda: NOW)
    assert seconds is None or 0 <= seconds <= RETRY_AFTER_SECONDS_MAX


async def test_cookies_are_not_kept_and_nothing_is_unpacked() -> None:
    packed = gzip.compress(b"welcome")
    names = Names({"hooks.example": [["127.0.0.1"]]})
    async with (
        Receiver(reply(200, packed, set_cookie="a=b", content_encoding="gzip")) as receiver,
        sender(resolver=names) as sending,
    ):
        for _ in range(2):
            assert (await post(sending, receiver.url(host="hooks.example"))).reply == packed
    assert "cookie" not in receiver.requests[1].headers


async def test_the_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url(""))
            monkeypatch.setenv(name.upper(), proxy.url(""))
        monkeypatch.delenv("no_proxy", raising=False)
        async with sender() as sending:
            assert (await post(sending, receiver.url())).delivered
    assert (len(proxy.requests), len(receiver.requests)) == (0, 1)


async def test_a_connection_serves_many_messages() -> None:
    async with Receiver(reply(200, b"ok")) as receiver, sender() as sending:
        for _ in range(20):
            assert (await post(sending, receiver.url())).delivered
    assert receiver.connections == 1


async def test_a_connection_that_the_receiver_closed_meanwhile_is_not_used_again() -> None:
    async def last(request: Any, connection: Any) -> bool:
        await reply(200)(request, connection)
        return False

    async with Receiver(last) as receiver, sender() as sending:
        for _ in range(3):
            assert (await post(sending, receiver.url())).delivered
            await asyncio.sleep(0.05)
    assert receiver.connections == 3


@pytest.mark.parametrize("broken", [reset_before_reply, end_before_reply])
async def test_a_kept_connection_that_breaks_is_a_failure_and_nothing_is_sent_twice(broken: Any) -> None:
    """Whether the message was read before nobody can tell: the schedule decides, not this."""
    async with Receiver() as receiver, sender() as sending:
        receiver.script(reply(200), broken)
        assert (await post(sending, receiver.url())).delivered
        outcome = await post(sending, receiver.url())
        assert (outcome.status, outcome.delivered) == (None, False)
        assert [request.connection for request in receiver.requests] == [1, 1]
        assert (await post(sending, receiver.url())).delivered


async def test_hundreds_of_slow_receivers_take_no_place_of_another() -> None:
    async with Receiver(silence) as slow, Receiver() as quick, sender() as sending:
        waiting = [asyncio.create_task(post(sending, slow.url())) for _ in range(300)]
        await slow.came(300)
        assert (await post(sending, quick.url())).delivered
        slow.script(reply(204))
        assert (await post(sending, slow.url())).delivered
        for task in waiting:
            task.cancel()
        assert {type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)} == {asyncio.CancelledError}


async def test_names_that_nobody_answers_for_hold_up_no_other_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that is silent holds its thread; there are more threads."""
    answered, hanging, ask = threading.Event(), threading.Semaphore(0), socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        if host.endswith(".example"):
            hanging.release()
            answered.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return ask(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with Receiver() as receiver, sender() as sending:
        waiting = [asyncio.create_task(post(sending, f"http://slow{number}.example/")) for number in range(100)]
        for _ in waiting:
            await asyncio.to_thread(hanging.acquire)
        assert (await post(sending, receiver.url(host="localhost"))).delivered
        answered.set()
        assert {one.error for one in await asyncio.gather(*waiting)} == {"the name does not resolve"}


def test_a_process_ends_although_a_look_up_does_not() -> None:
    program = """
import asyncio, datetime, socket, time
from services.compliance.webhooks.transport.http_post import Sender

socket.getaddrinfo = lambda *rest, **more: time.sleep(3600)
clock = lambda: datetime.datetime.min

async def send():
    async with Sender(networks=[], plain_http=True, clock=clock, deadline_seconds=0.1) as sender:
        print((await sender.post("http://hooks.example/", {}, b"", "text/plain")).error)

asyncio.run(send())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "no answer within 0.1 s"


async def test_a_message_that_is_cancelled_leaves_no_connection_behind() -> None:
    hung_up = asyncio.Event()

    async def listen(request: Any, connection: Any) -> bool:
        await silence(request, connection)
        hung_up.set()
        return False

    async with Receiver(listen) as receiver, sender() as sending:
        task = asyncio.create_task(post(sending, receiver.url()))
        await receiver.came(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(hung_up.wait(), 30)


async def test_an_answer_that_comes_after_the_deadline_does_not_count_and_the_next_message_does_not_get_it() -> None:
    released = asyncio.Event()
    async with Receiver() as receiver, sender(1) as sending:
        receiver.script(once(released, reply(200, b"for the first")), reply(200, b"for the second"))
        first = await post(sending, receiver.url())
        released.set()
        second = await post(sending, receiver.url())
    assert (first.status, first.error, first.delivered) == (None, "no answer within 1 s", False)
    assert (second.reply, second.delivered) == (b"for the second", True)
    assert [request.body for request in receiver.requests] == [BODY, BODY]
