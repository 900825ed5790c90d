"""Recognitions that come together are loaded by one statement, and each is decided from its own facts."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.certification.decision import RequestReceipt
from services.certification.domain.fact_report import FactReport
from services.certification.event_store.database import Database as Log
from services.certification.event_store.decision_scope import Scope
from services.certification.event_store.store import EventStore
from services.certification.event_store.stored_facts import Loaded
from services.certification.record_fact import Answer, record
from shared.events.facts import CertificationRecognised, Reported, RevocationOrdered
from tests.certification.seed import day
from tests.databases import Database

PEOPLE = [f"C{number}" for number in range(100)]
REVOKED = PEOPLE[::3]


@pytest.fixture
async def store(database: Database) -> AsyncIterator[EventStore]:
    async with Log(database.certification_url, None, 2, 20.0) as log, EventStore(log) as opened:
        yield opened


async def tell(store: EventStore, key: str, data: Reported, on: int) -> Answer:
    return await record(store, ("S200P",), FactReport(key, data, day(on), "test"), RequestReceipt("test", key, b""))


async def load(store: EventStore, consultant_id: str, key: str = "new") -> Loaded:
    return await store.load("test", key, Scope(consultant_id, product="S200P", effective_at=day(1)))


async def test_each_is_decided_from_the_revocations_of_its_own_person(store: EventStore) -> None:
    await asyncio.gather(*(tell(store, f"end-{person}", RevocationOrdered(person, "S200P"), 5) for person in REVOKED))
    answers = await asyncio.gather(
        *(tell(store, f"grant-{person}", CertificationRecognised(person, "S200P"), 1) for person in PEOPLE)
    )
    for person, answer in zip(PEOPLE, answers, strict=True):
        decision = (await store.stream(f"consultant-{person}"))[-1].data
        assert answer.fact.data == CertificationRecognised(person, "S200P")
        assert type(decision).__name__ == ("CertificationRevoked" if person in REVOKED else "ConsultantCertified")


async def test_each_finds_its_own_person_and_the_receipt_of_its_own_key(store: EventStore) -> None:
    recorded = [await tell(store, f"k-{person}", CertificationRecognised(person, "S200P"), 1) for person in PEOPLE[:9]]
    found = await asyncio.gather(*(load(store, person, f"k-{person}") for person in PEOPLE[:9]), load(store, "nobody"))
    assert [one.consultant_id for one in found] == [*PEOPLE[:9], "nobody"]
    assert [one.consultant_seen for one in found] == [*(answer.position for answer in recorded), 0]
    receipts = [one.receipt.fact.fact_id if one.receipt else None for one in found]
    assert receipts == [*(f"k-{person}" for person in PEOPLE[:9]), None]


async def test_a_call_that_the_database_refuses_spoils_no_other(store: EventStore) -> None:
    calls = [load(store, person) for person in ("C1", "C\0", "C2", "C3")]
    first, refused, *others = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(refused, asyncpg.PostgresError)
    assert all(isinstance(one, Loaded) for one in (first, *others))


async def test_a_caller_who_gives_up_leaves_the_others_their_rows(store: EventStore) -> None:
    calls = [asyncio.create_task(load(store, person)) for person in PEOPLE[:5]]
    await asyncio.sleep(0)
    calls[1].cancel()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(found.pop(1), asyncio.CancelledError)
    assert [one.consultant_id for one in found if isinstance(one, Loaded)] == ["C0", "C2", "C3", "C4"]
