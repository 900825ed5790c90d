"""Notices: what a webhook endpoint is sent about itself, beside the compliance events."""

from typing import Final

import msgspec

from shared.events.facts import TOPIC_PREFIX

HEARTBEAT: Final = TOPIC_PREFIX + "heartbeat.v1"
WEBHOOK_TEST: Final = TOPIC_PREFIX + "webhook-test.v1"


class Heartbeat(msgspec.Struct, frozen=True):
    """Nothing is outstanding. `sequence`: the number of the last message; `position`: up to where the log was read."""

    endpoint_id: str
    epoch: int
    sequence: int
    position: int


class WebhookTest(msgspec.Struct, frozen=True):
    """Somebody has asked for this message to try the endpoint out."""

    endpoint_id: str


NOTICES: Final[dict[str, type[Heartbeat | WebhookTest]]] = {HEARTBEAT: Heartbeat, WEBHOOK_TEST: WebhookTest}
"""CloudEvents `type` to the class of its data, for ever."""
