"""A run of the whole system, seen by subscribers with public libraries: every message is genuine, and as published."""

import asyncio
import json
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from shared.events.compliance_events import TYPE_OF
from tests.contract.message_validators import validator
from tests.contract.test_feeds import feed, tell_everything
from tests.systems import System
from tests.webhooks.dispatching import received, until
from tests.webhooks.other_language import NodeVerifier
from tests.webhooks.receiver import Receiver, Request
from tests.webhooks.test_messages_against_answers import ENDPOINTS


def tell(system: System) -> list[dict[str, Any]]:
    """Tells the system everything; the feed of what follows."""
    tell_everything(system)
    return feed(system, "compliance")


def verify(secret: str, requests: list[Request]) -> None:
    """Raises where Python's library does not take a request for genuine."""
    for request in requests:
        Webhook(secret).verify(request.body, dict(request.headers))


async def test_every_message_of_a_run_is_genuine_and_as_published(system: System, tmp_path: Path) -> None:
    def register(url: str, **more: Any) -> dict[str, Any]:
        registered: dict[str, Any] = system.http.post(ENDPOINTS, json={"url": url, **more}).raise_for_status().json()
        return registered

    async with Receiver() as single, Receiver() as batched:
        alone = await asyncio.to_thread(register, single.url())
        together = await asyncio.to_thread(register, batched.url(), batch_max=10, ed25519=True)
        published = await asyncio.to_thread(tell, system)
        await single.came(len(published))

        async def all_came() -> bool:
            return len(received(batched.requests)) == len(published)

        await until(all_came)

    verify(alone["secret"], single.requests)
    verify(together["secret"], batched.requests)
    verifier = NodeVerifier(tmp_path)
    for endpoint, receiver in ((alone, single), (together, batched)):
        assert all(verifier.accepts(endpoint["secret"], receiver.requests))
        messages = received(receiver.requests)
        assert [message["sequence"] for message in messages] == list(range(1, len(published) + 1))
        assert {message["type"] for message in messages} == set(TYPE_OF.values())
        for message, event in zip(messages, published, strict=True):
            validator("webhook-message").validate(message)
            assert {name: message[name] for name in event} == event
    assert [request.headers["webhook-id"] for request in single.requests] == [event["id"] for event in published]
    assert all(isinstance(json.loads(request.body), list) for request in batched.requests)
