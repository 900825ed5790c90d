"""Carries the API keys of a sandbox over a reset."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection

from services.certification.domain.api_key import IssuedKey, issued_keys
from services.host.api_keys.key_commands import append, append_request, fact_of_the_owner
from services.host.api_keys.key_ring import KEY_FACTS
from services.host.migrate import driver_of
from shared.events import wire
from shared.events.system_facts import KEY, KeyIssued


def keys_in_force(connection: Connection) -> list[IssuedKey]:
    """The keys that let callers in."""
    rows = driver_of(connection).execute(KEY_FACTS).fetchall()
    return [key for key in issued_keys(wire.decode(*row) for row in rows) if key.revoked_at is None]


def issue_again(connection: Connection, keys: Iterable[IssuedKey]) -> None:
    """Issues them in an empty log, within the transaction of the connection."""
    for number, key in enumerate(keys):
        fact = fact_of_the_owner(KeyIssued(key.key_name, key.scopes, key.digest.hex()))
        request = msgspec.structs.replace(append_request(fact, KEY.prefix + key.key_name, 0), originator_seen=number)
        append(driver_of(connection), request)
