"""What is sent is verified by the public library of another language."""

import json
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from services.compliance.webhooks.sending import Sender
from services.compliance.webhooks.signing import Signer, new_key_pair, new_secret, secret_text
from tests.webhooks.clock import wall_clock
from tests.webhooks.other_language import NodeVerifier
from tests.webhooks.receiver import Receiver, Request

BODIES: Final[list[Any]] = [
    {},
    {"partner": "Bücher & Söhne", "emoji": "🎓", "control": "\u0000\u001f", "separators": "\u2028\u2029"},
    [{"specversion": "1.0", "data": {"standings": []}}] * 3,
    {"great": "x" * 100_000},
    *({"number": number} for number in range(50)),
]


async def test_node_verifies_every_message_of_a_run_and_no_message_that_was_changed(tmp_path: Path) -> None:
    verifier = NodeVerifier(tmp_path)
    new, old = new_secret(), new_secret()
    signer = Signer([new, old], [new_key_pair()])
    sender = Sender(
        networks=[ip_network("127.0.0.0/8")], plain_http=True, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
    )
    async with Receiver() as receiver, sender:
        for number, content in enumerate(BODIES):
            body = json.dumps(content, ensure_ascii=False).encode()
            headers = signer.headers(f"evt-{number}", wall_clock(), body)
            assert (await sender.post(receiver.url(), headers, body, "application/cloudevents+json")).delivered
    for secret in (new, old):
        assert verifier.accepts(secret_text(secret), receiver.requests) == [True] * len(BODIES)
    assert verifier.accepts(secret_text(new_secret()), receiver.requests) == [False] * len(BODIES)
    assert not any(verifier.accepts(secret_text(new), [changed(one) for one in receiver.requests]))


def changed(request: Request) -> Request:
    """The same with one more space."""
    return request._replace(body=request.body + b" ")
