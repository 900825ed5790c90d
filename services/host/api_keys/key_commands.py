"""Issues, revokes and lists API keys, as the owner of the log: each change is a fact."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import uuid4

import msgspec

from services.certification.domain import api_key
from services.certification.domain.api_key import IssuedKey, issued_keys
from services.certification.event_store.append_request import UNDATED, AppendRequest, provisional_instant, row
from services.certification.event_store.database import Database
from services.certification.event_store.store import EventStore
from services.certification.event_store.stored_facts import content_hash
from services.certification.event_store.streams import routing_of
from services.host.api_keys.key_ring import KEY_FACTS
from services.host.api_keys.key_text import digest_of, new_key
from services.web.scopes import Scope
from shared.events import wire
from shared.events.channels import FACTS_CHANNEL, KEYS_CHANNEL
from shared.events.envelope import Fact
from shared.events.system_facts import KEY, OWNER, SystemFact

SECONDS_MAX: Final = 10.0


class NewKey(NamedTuple):
    """A key that was just issued: its text is shown once and kept nowhere."""

    text: str
    key_name: str
    scopes: tuple[str, ...]
    fact_id: str


def issue_key(owner_url: str, key_name: str, scopes: Iterable[Scope], *, rotate: bool) -> NewKey:
    """Issues a key. `rotate`: beside those that the name has. Raises `KeyRefused` and `Unavailable`."""
    text = new_key()
    digest = digest_of(text.encode())
    wanted = tuple(scopes)
    fact = asyncio.run(
        _record(owner_url, key_name, lambda keys: api_key.issue(keys, key_name, wanted, digest, rotate=rotate))
    )
    return NewKey(text, key_name, tuple(sorted(set(wanted))), fact.fact_id)


def revoke_keys(owner_url: str, key_name: str, *, superseded: bool) -> int:
    """Revokes every key of the name, or all but the newest; how many. Raises `KeyRefused` and `Unavailable`."""
    fact = asyncio.run(_record(owner_url, key_name, lambda keys: api_key.revoke(keys, key_name, superseded=superseded)))
    return len(getattr(fact.data, "fact_ids", ()))


def list_keys(owner_url: str) -> list[IssuedKey]:
    """Every key that was ever issued, in the order of issue. Raises `Unavailable`."""

    async def read() -> list[IssuedKey]:
        async with Database(owner_url, None, 1, SECONDS_MAX) as database:
            return issued_keys(await _key_facts(database))

    return asyncio.run(read())


async def _record(owner_url: str, key_name: str, decide: Callable[[Sequence[IssuedKey]], SystemFact]) -> Fact:
    """Decides from the keys of the log and appends, again if another command was quicker."""
    async with Database(owner_url, None, 1, SECONDS_MAX) as database, EventStore(database) as store:
        while True:
            facts = await _key_facts(database)
            fact = fact_of_the_owner(decide(issued_keys(facts)))
            seen = sum(1 for earlier in facts if getattr(earlier.data, "key_name", None) == key_name)
            outcome = await store.append(append_request(fact, KEY.prefix + key_name, seen))
            if outcome.outcome in ("recorded", "replayed"):
                for channel in (KEYS_CHANNEL, FACTS_CHANNEL):
                    await database.select(f"NOTIFY {channel}")
                return fact


def fact_of_the_owner(data: SystemFact) -> Fact:
    """The fact as it is appended, without its instant of recording."""
    fact_id = str(uuid4())
    now = provisional_instant(UNDATED, (), b"")
    return Fact(fact_id, effective_at=now, recorded_at=now, data=data, actor=OWNER, correlation_id=fact_id)


def append_request(fact: Fact, stream: str, seen: int) -> AppendRequest:
    """Appends the fact on the condition that its stream has no more facts than were seen."""
    _, state = wire.encode(fact)
    return AppendRequest(
        actor=OWNER,
        idempotency_key=fact.fact_id,
        content_hash="\\x" + content_hash(b"", state).hex(),
        facts=(row(fact, routing_of(fact.data, None, None), fact.recorded_at),),
        originator_id=stream,
        originator_seen=seen,
    )


def append(driver: Any, request: AppendRequest) -> None:
    """Appends within the transaction of a connection of psycopg."""
    driver.execute("SELECT certification.append(%s::jsonb)", [f"[{msgspec.json.encode(request).decode()}]"])


async def _key_facts(database: Database) -> list[Fact]:
    return [wire.decode(*row) for row in await database.select(KEY_FACTS)]
