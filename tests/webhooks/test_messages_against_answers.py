"""At every position, a subscriber that took the messages in order holds what the API answers.

`HISTORIES_BY_WEBHOOK=50 pytest tests/webhooks/test_messages_against_answers.py` runs fifty histories instead of eight.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.end_to_end.client import FactClient, before
from tests.oracle.histories import History, interesting_instants, seeded
from tests.oracle.shrinking import told as told_history
from tests.systems import System
from tests.webhooks.dispatching import received
from tests.webhooks.receiver import Receiver

HISTORIES = int(os.environ.get("HISTORIES_BY_WEBHOOK", "8"))
FIRST_HISTORY = int(os.environ.get("FIRST_HISTORY", "0"))
SECONDS_MAX = 30.0
ENDPOINTS = "/compliance/v1/webhook-endpoints"


@pytest.mark.parametrize("seed", range(FIRST_HISTORY, FIRST_HISTORY + HISTORIES))
async def test_whoever_takes_the_messages_in_order_holds_what_is_answered(seed: int, system: System) -> None:
    """Compared after each fact and each move of the clock."""
    history = seeded(seed)
    async with Receiver() as receiver:
        trial = _Trial(system, history, Random(seed), receiver)
        found = await asyncio.to_thread(lambda: list(trial.differences()))
    assert not found, "\n".join([*found[:10], "with the facts", told_history(history)])
    assert trial.compared > 0


class _Trial:
    """`held`: the fold of the messages, by partner and product."""

    def __init__(self, system: System, history: History, random: Random, receiver: Receiver) -> None:
        self.history = history
        self.random = random
        self.receiver = receiver
        self.teller = FactClient(system, before(history))
        self.held: dict[tuple[str, str], dict[str, Any]] = {}
        self.folded = 0
        self.compared = 0
        body = {"url": receiver.url(), "batch_max": random.choice([1, 5])}
        registered = system.http.post(ENDPOINTS, json=body).raise_for_status().json()
        self.path = f"{ENDPOINTS}/{registered['endpoint_id']}"

    def differences(self) -> Iterator[str]:
        for fact in self.history:
            self.teller.wait_until(fact.recorded_at)
            yield from self._compare()
            self.teller.tell(fact)
            yield from self._compare()
        for instant in interesting_instants(self.history):
            if instant > self.teller.clock:
                self.teller.wait_until(instant)
                yield from self._compare()

    def _compare(self) -> Iterator[str]:
        self._catch_up()
        listed = self.teller.get("/compliance/v1/partners", {"limit": 1000})["partners"]
        if {(item["partner_id"], item["product"]) for item in listed} != self.held.keys():
            yield f"at {self.teller.clock}: the messages are of {sorted(self.held)}, the API lists {listed}"
        for (partner, product), standing in self.held.items():
            answer = self.teller.get(f"/compliance/v1/partners/{partner}/compliance/{product}", {})
            self.compared += 1
            live = {name: answer[name] for name in standing}
            if live != standing:
                yield f"{partner} {product} at {self.teller.clock}: the messages say {standing}, the API {live}"

    def _catch_up(self) -> None:
        """Waits until the endpoint has been told everything, and folds it."""
        until = time.monotonic() + SECONDS_MAX
        self.teller.get("/compliance/v1/partners", {})  # as soon as the facts are applied
        while self.teller.system.http.get(self.path).raise_for_status().json()["health"]["lag"] != 0:
            assert time.monotonic() < until, "the endpoint does not catch up"
            time.sleep(0.002)
        requests = self.receiver.requests[self.folded :]
        self.folded += len(requests)
        for message in received(requests):
            for standing in message["data"]["standings"]:
                self.held[message["subject"], standing["product"]] = standing
