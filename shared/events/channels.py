"""The NOTIFY channels between the services: each says that there is something new to read, and little more."""

from typing import Final

FACTS_CHANNEL: Final = "sagecert_facts"
"""Facts were recorded; the payload is the last position. Without one: the clock of a sandbox was moved, or other facts.

Notified after the commit, on a connection of its own: NOTIFY inside the appending transaction serialises commits.
"""

COMPLIANCE_CHANNEL: Final = "sagecert_compliance"
"""The projection advanced; the payload is the position of the last fact applied."""

WEBHOOKS_CHANNEL: Final = "sagecert_webhooks"
"""A webhook endpoint changed; the payload is its id."""

KEYS_CHANNEL: Final = "sagecert_keys"
"""API keys were issued or revoked."""
