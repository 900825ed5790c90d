"""What is sent is verified by the public library of another language."""

import json
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from services.compliance.webhooks import message
from services.compliance.webhooks.filter_and_cursor import Cursor
from services.compliance.webhooks.signing import Signer, new_key_pair, new_secret, secret_text
from services.compliance.webhooks.transport.http_post import Sender
from services.host.wall_clock import wall_clock
from tests.webhooks.events import AT, event_message
from tests.webhooks.other_language import NodeVerifier
from tests.webhooks.receiver import Receiver, Request

CURSOR: Final = Cursor(position=0)
STRANGE: Final = {"partner": "Bücher & Söhne", "emoji": "🎓", "control": "\u0000\u001f", "separators": "\u2028\u2029"}

BODIES: Final[list[bytes]] = [
    *(event_message(number, may_sell=number % 2 == 0, epoch=number // 10 + 1).body for number in range(1, 50)),
    event_message(8, delivered_sequence=3, replay=True).body,
    message.batch_body([event_message(1), event_message(2), event_message(3)]),
    message.heartbeat_body("beat", "endpoint", CURSOR, AT),
    message.test_event_body("test", "endpoint", AT),
    json.dumps(STRANGE, ensure_ascii=False).encode(),
    json.dumps({"great": "x" * 100_000}).encode(),
]


async def test_node_verifies_every_message_of_a_run_and_no_message_that_was_changed(tmp_path: Path) -> None:
    verifier = NodeVerifier(tmp_path)
    new, old = new_secret(), new_secret()
    signer = Signer([new, old], [new_key_pair()])
    sender = Sender(
        networks=[ip_network("127.0.0.0/8")], plain_http=True, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
    )
    async with Receiver() as receiver, sender:
        for number, body in enumerate(BODIES):
            headers = signer.headers(f"evt-{number}", wall_clock(), body)
            assert (await sender.post(receiver.url(), headers, body, "application/cloudevents+json")).delivered
    for secret in (new, old):
        assert verifier.accepts(secret_text(secret), receiver.requests) == [True] * len(BODIES)
    assert verifier.accepts(secret_text(new_secret()), receiver.requests) == [False] * len(BODIES)
    assert not any(verifier.accepts(secret_text(new), [changed(request) for request in receiver.requests]))


def changed(request: Request) -> Request:
    """The same with one more space."""
    return request._replace(body=request.body + b" ")
