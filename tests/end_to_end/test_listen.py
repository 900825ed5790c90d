"""`sagecert listen`: the events of a running system, posted to a receiver of this machine like webhooks."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from standardwebhooks import Webhook

from tests.end_to_end.test_command import SECONDS_MAX, refused
from tests.systems import START, System, environment, sagecert
from tests.webhooks.receiver import Receiver, Request, reply


@contextmanager
def listening(system: System, receiver: Receiver, directory: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command, forwarding to the receiver; killed if the test leaves it running."""
    given = ("--forward-to", receiver.url("/hook", "localhost"), "--url", system.url, "--data-dir", str(directory))
    process = subprocess.Popen(
        sagecert("listen", *given, "--json", *options), env=environment({}), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            yield process
        finally:
            process.kill()
            process.wait()


async def line(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line that it prints."""
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), SECONDS_MAX))
    return found


def enrol(system: System, *partner_ids: str) -> None:
    for partner_id in partner_ids:
        enrolment = {"partner_id": partner_id, "kind": "VAR", "programme": "PARTNER_SUCCESS"}
        assert system.record("partners", f"enrol-{partner_id}", **enrolment).status_code == 201


def signed(request: Request, secret: str) -> bool:
    """Whether the signature is that of the message, whatever its timestamp."""
    sent_at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    expected = Webhook(secret).sign(request.headers["webhook-id"], sent_at, request.body.decode())
    return request.headers["webhook-signature"] == expected


async def test_it_forwards_what_the_filter_lets_through_until_it_is_accepted(system: System, tmp_path: Path) -> None:
    enrol(system, "before")
    async with Receiver() as receiver:
        with listening(system, receiver, tmp_path, "--partner", "P2", "--product", "S200P") as process:
            ready = await line(process)
            receiver.script(reply(500))
            enrol(system, "P1", "P2")
            await receiver.came(2)
            system.reset()
            enrol(system, "P3", "P2")
            first, second, third = await receiver.came(3)
            shown = [await line(process) for _ in range(3)]
            process.send_signal(signal.SIGINT)
            assert process.wait(SECONDS_MAX) == 0
    assert second.body == first.body
    start = int(datetime.fromisoformat(START).timestamp())
    for number, request in enumerate((first, third), 1):
        event = json.loads(request.body)
        assert (event["subject"], event["epoch"], event["sequence"]) == ("P2", 1, number)
        assert event["id"] == request.headers["webhook-id"]
        assert int(request.headers["webhook-timestamp"]) == start
        assert signed(request, ready["secret"])
    assert [(one["status"], one["retry_in_seconds"], one["partner_id"]) for one in shown] == [
        (500, 1.0, "P2"),
        (204, None, "P2"),
        (204, None, "P2"),
    ]


async def test_from_a_position_with_the_time_of_this_machine_until_the_receiver_is_gone(
    system: System, tmp_path: Path
) -> None:
    enrol(system, "P1", "P2")
    async with Receiver() as receiver:
        receiver.script(reply(204), reply(410))
        with listening(system, receiver, tmp_path, "--after", "1", "--wall-clock") as process:
            ready = await line(process)
            first, _ = await receiver.came(2)
            assert process.wait(SECONDS_MAX) == 0
    verified: dict[str, Any] = Webhook(ready["secret"]).verify(first.body, dict(first.headers))
    assert verified["position"] == 2


def test_the_feed_leaves_out_what_was_loaded_afterwards(system: System) -> None:
    load_and_enrol(system)
    events = f"{system.url}/compliance/v1/events"
    page, left_out = (httpx.get(events, params=asked).json() for asked in ({}, {"history": "false"}))
    assert {event["subject"] for event in page} == {"loaded", "told"}
    assert left_out == [event for event in page if event["subject"] == "told"]
    assert httpx.get(events, params={"history": "no"}).status_code == 422


def load_and_enrol(system: System) -> None:
    """One partner is loaded with its history, another enrols."""
    body = {"partner_id": "loaded", "kind": "VAR", "programme": "PARTNER_SUCCESS"}
    fact = {"path": "/certification/v1/partners", "idempotency_key": "loaded", "body": body}
    ndjson = {"content-type": "application/x-ndjson"}
    batches = f"{system.url}/certification/v1/batches?history=true"
    assert httpx.post(batches, content=json.dumps(fact), headers=ndjson).json()["status"] == 201
    enrol(system, "told")


async def test_what_was_loaded_afterwards_can_be_left_out(system: System, tmp_path: Path) -> None:
    await asyncio.to_thread(load_and_enrol, system)
    async with Receiver() as receiver:
        with listening(system, receiver, tmp_path, "--no-history", "--after", "0", "--wall-clock") as process:
            await line(process)
            assert (await line(process))["partner_id"] == "told"


def test_the_secret_is_made_once_and_printed(tmp_path: Path) -> None:
    command = sagecert("listen", "--forward-to", "http://localhost:1", "--print-secret", "--data-dir", str(tmp_path))
    printed = {subprocess.check_output(command, env=environment({}), text=True) for _ in range(2)}
    assert len(printed) == 1, "the receiver is configured once"
    assert printed.pop().startswith("whsec_")
    assert (tmp_path / "listen-secret").stat().st_mode & 0o077 == 0


def test_what_cannot_be_followed_gets_a_sentence(system: System, tmp_path: Path) -> None:
    given = ("listen", "--forward-to", "http://localhost:1/hook", "--data-dir", str(tmp_path))
    assert "Is it running?" in refused(*given, "--url", "http://127.0.0.1:9")
    assert "There is no type 'nonsense'" in refused(*given, "--url", system.url, "--type", "nonsense")
