"""A receiver that took the message and said so too late."""

import asyncio

from tests.databases import Database
from tests.webhooks.calling import calling, seed_events
from tests.webhooks.dispatching import dispatching, received, until, until_delivered
from tests.webhooks.receiver import Receiver, once, reply
from tests.webhooks.test_faults import repeated


async def test_a_reply_after_the_deadline_brings_its_message_exactly_once_more(sandbox_database: Database) -> None:
    head = await seed_events(sandbox_database, partners=2)
    async with Receiver() as receiver, calling(sandbox_database) as caller:
        at_last = asyncio.Event()
        receiver.script(reply(204), reply(204), once(at_last, reply(200)))
        endpoint_id = (await caller.register(receiver.url(), start="origin"))["endpoint_id"]

        async def too_late() -> bool:
            return bool((await caller.health(endpoint_id))["last_error"] == "no answer within 2 s")

        async with dispatching(sandbox_database, lease_seconds=10, deadline_seconds=2):
            await until(too_late)
            at_last.set()
            caller.sql("UPDATE webhooks.endpoint SET next_attempt_at = '-infinity'")
            await until_delivered(caller, endpoint_id)
    assert repeated(received(receiver.requests), head) == [3]
