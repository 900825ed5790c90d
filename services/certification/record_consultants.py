"""Records who works for a partner: loads, decides and appends the links and departures together (R23)."""

import asyncio
from datetime import datetime
from functools import partial
from random import uniform
from typing import Final, NamedTuple
from uuid import uuid4

import msgspec

from services.certification.decision import RequestReceipt, decision_clock
from services.certification.domain.refusals import TooManyLinks
from services.certification.domain.stated_consultants import Changes, StatedConsultants, changes
from services.certification.event_store.append_request import AppendRequest, row
from services.certification.event_store.store import EventStore
from services.certification.event_store.stored_facts import LoadedLinks
from services.certification.event_store.streams import partner_stream, routing_of
from services.certification.record_fact import pauses

LINKS_MAX: Final = 50_000
"""The most facts about who works for a partner that a statement is decided from."""

CHANGES_MAX: Final = 10_000
"""The most links and departures that one statement records: the append holds up other calls for less than a second."""


class Established(NamedTuple):
    """What a statement changed, and the ids of the facts, departures first.

    `as_of`: the instant stated, or that of recording. `position`, `recorded_at`: of the facts; None: nothing is
    recorded.
    """

    changes: Changes
    as_of: datetime
    fact_ids: tuple[str, ...] = ()
    position: int | None = None
    recorded_at: datetime | None = None


class _Decided(NamedTuple):
    """`as_of`: None: the instant of recording. `call`: None: there is nothing to record."""

    changes: Changes
    as_of: datetime
    call: AppendRequest | None


async def record_consultants(
    store: EventStore, stated: StatedConsultants, receipt: RequestReceipt, *, dry_run: bool
) -> Established:
    """Records the links and departures that make the statement true, all or none. `dry_run`: none.

    Statements about one partner take turns within a process. When a newer fact about the partner comes in between load
    and append, the statement is decided again. A merger into the partner that is recorded in between counts as later.
    Raises the refusals of `changes`, `Overloaded` and `Unavailable`.
    """
    async with store.within_deadline(), store.turns.of(partner_stream(stated.partner_id)):
        for pause_seconds_max in pauses():
            async with store.statements:
                loaded = await store.load_links(stated.partner_id, LINKS_MAX)
                if len(loaded.facts) > LINKS_MAX:
                    raise TooManyLinks(f"More than {LINKS_MAX} facts say who works for the partner.")
                work = partial(_decide, stated, loaded, receipt)
                decided = await store.aside(len(loaded.facts) + len(stated.consultant_ids), work)
            if decided.call is None or dry_run:
                return Established(decided.changes, decided.as_of)
            [outcome] = await store.append_run([decided.call])
            fact_ids = tuple(fact.fact_id for fact in decided.call.facts)
            if outcome.recorded_at is not None and outcome.fact_id == fact_ids[0]:
                as_of = stated.as_of or outcome.recorded_at
                return Established(decided.changes, as_of, fact_ids, outcome.position, outcome.recorded_at)
            await asyncio.sleep(uniform(0, pause_seconds_max))
    raise AssertionError("the pauses never end")


def _decide(stated: StatedConsultants, loaded: LoadedLinks, receipt: RequestReceipt) -> _Decided:
    """The append is on the condition that no newer fact about the partner is stored."""
    taken = {fact.effective_at for fact in loaded.facts}
    said = msgspec.json.encode(stated.as_of)
    clock = decision_clock(loaded.now, loaded.running, taken, said, dated=stated.as_of is not None)
    found = changes(stated, loaded.facts, clock.now)
    count = len(found.linked) + len(found.departed)
    if count > CHANGES_MAX:
        raise TooManyLinks(f"The statement makes {count} links and departures; one makes at most {CHANGES_MAX}.")
    if not count:
        return _Decided(found, stated.as_of or clock.now, None)
    facts = stated.facts(found, [str(uuid4()) for _ in range(count)], clock.now)
    call = AppendRequest(
        actor=receipt.actor,
        idempotency_key=receipt.idempotency_key,
        content_hash=receipt.content_hash,
        facts=tuple(row(fact, routing_of(fact.data, None, None), clock.now) for fact in facts),
        originator_id=partner_stream(stated.partner_id),
        originator_seen=loaded.seen,
        not_before=clock.not_before,
        stale_at=clock.stale_at,
    )
    return _Decided(found, stated.as_of or clock.now, call)
