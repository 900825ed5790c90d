"""API keys as the log knows them: what was issued, what was revoked, and what may follow.

A name can have several keys at once, so that a caller changes to another without a gap and keeps its name, which is the
actor of its facts and the namespace of its idempotency keys.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.events.envelope import Fact
from shared.events.system_facts import OWNER, KeyIssued, KeyRevoked

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
RESERVED: Final = frozenset({"api", "bootstrap", "local", OWNER})
"""Actors of facts that no issued key stands for."""

KEYS_OF_A_NAME_MAX: Final = 4
KEYS_MAX: Final = 1_000
"""Keys in force at once."""


class KeyRefused(Exception):
    """A key is not issued, or not revoked; the text says why."""


class IssuedKey(msgspec.Struct, frozen=True):
    """A key of the log. `fact_id`: the fact that issued it. `revoked_at`: None while it is in force."""

    fact_id: str
    key_name: str
    scopes: tuple[str, ...]
    digest: bytes
    issued_at: datetime
    revoked_at: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        """Whether a call at this instant was answered."""
        return self.issued_at <= at and (self.revoked_at is None or at < self.revoked_at)


def issued_keys(facts: Iterable[Fact]) -> list[IssuedKey]:
    """Every key that these facts, in log order, have issued, in the order of issue."""
    found: dict[str, IssuedKey] = {}
    for fact in facts:
        match fact.data:
            case KeyIssued(key_name, scopes, digest):
                found[fact.fact_id] = IssuedKey(fact.fact_id, key_name, scopes, bytes.fromhex(digest), fact.recorded_at)
            case KeyRevoked(_, fact_ids):
                for fact_id in fact_ids:
                    key = found.get(fact_id)
                    if key is not None and key.revoked_at is None:
                        found[fact_id] = msgspec.structs.replace(key, revoked_at=fact.recorded_at)
            case _:
                pass
    return list(found.values())


def issue(keys: Sequence[IssuedKey], key_name: str, scopes: Iterable[str], digest: bytes, *, rotate: bool) -> KeyIssued:
    """The fact that issues a key. `rotate`: beside those that the name has. Raises `KeyRefused`."""
    if not NAME.fullmatch(key_name):
        raise KeyRefused(
            f"The name {key_name[:100]!r} is not acceptable: name the system that calls, in 1 to 63 characters "
            "a-z, 0-9 and -, beginning with a letter."
        )
    if key_name in RESERVED:
        raise KeyRefused(f"The name {key_name} is reserved: it stands for callers without an issued key.")
    in_force = [key for key in keys if key.revoked_at is None]
    of_the_name = [key for key in in_force if key.key_name == key_name]
    if of_the_name and not rotate:
        raise KeyRefused(f"{key_name} has a key: add another with --rotate, or revoke it first.")
    if len(of_the_name) >= KEYS_OF_A_NAME_MAX:
        raise KeyRefused(f"{key_name} has {len(of_the_name)} keys: revoke those that it no longer uses first.")
    if len(in_force) >= KEYS_MAX:
        raise KeyRefused(f"{KEYS_MAX} keys are in force, which is the most: revoke some first.")
    return KeyIssued(key_name, tuple(sorted(set(scopes))), digest.hex())


def revoke(keys: Sequence[IssuedKey], key_name: str, *, superseded: bool) -> KeyRevoked:
    """The fact that revokes every key of the name; `superseded`: all but its newest. Raises `KeyRefused`."""
    in_force = [key.fact_id for key in keys if key.key_name == key_name and key.revoked_at is None]
    if not in_force:
        raise KeyRefused(f"There is no key of the name {key_name[:100]!r} in force: see sagecert keys list.")
    revoked = in_force[:-1] if superseded else in_force
    if not revoked:
        raise KeyRefused(f"{key_name} has one key only: no other supersedes it.")
    return KeyRevoked(key_name, tuple(revoked))
