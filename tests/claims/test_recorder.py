"""The queue of claims: bounded, never waited for, and nothing is lost that can be written later."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.compliance.claims.claim_recorder import BATCH_MAX, Claim, ClaimRecorder
from services.compliance.settings import ComplianceSettings
from tests.access.serving import SECONDS_MAX
from tests.databases import Database

AT: Final = datetime(2026, 4, 2, 9, tzinfo=UTC)
COUNT: Final = "SELECT count(*) FROM audit.claim"


def recorder(database: Database | None = None, queue_max: int = 10_000) -> ClaimRecorder:
    url = SecretStr(database.compliance_url if database else "postgresql://unused")
    return ClaimRecorder(ComplianceSettings(database_url=url, claim_queue_max=queue_max))


def claim(partner: int = 1, *, allowed: bool = True, at: datetime = AT, position: int = 0) -> Claim:
    return Claim(f"P{partner}", "S200P", "new", allowed, at, position, "2021-08", "engine", "portal")


def test_answers_that_differ_in_nothing_but_the_second_of_a_minute_are_one_claim() -> None:
    claims = recorder()
    for seconds in (0, 0, 59.999999, 60, 61):
        claims.record(claim(at=AT + timedelta(seconds=seconds)))
    assert claims.waiting == 2
    claims.record(claim(allowed=False))
    claims.record(claim(position=1))
    assert claims.waiting == 4


@given(st.integers(0, 20), st.lists(st.integers(1, 30), max_size=40))
def test_what_is_made_waits_or_is_dropped_and_counted(queue_max: int, partners: list[int]) -> None:
    claims = recorder(queue_max=queue_max)
    for partner in partners:
        claims.record(claim(partner))
    assert claims.waiting == min(queue_max, len(set(partners)))
    assert (claims.dropped > 0) is (0 < queue_max < len(set(partners)))
    assert (claims.fault is not None) is (claims.dropped > 0)


async def test_claims_are_written_in_batches_and_the_rest_when_the_server_stops(
    database: Database, owner: psycopg.Connection
) -> None:
    claims = recorder(database)
    async with claims.running():
        for partner in range(2 * BATCH_MAX + 7):
            claims.record(claim(partner))
    assert claims.waiting == 0
    assert owner.execute(COUNT).fetchone() == (2 * BATCH_MAX + 7,)


async def test_two_processes_record_an_answer_once(database: Database, owner: psycopg.Connection) -> None:
    async with asyncio.TaskGroup() as processes:
        for claims in (recorder(database), recorder(database)):
            processes.create_task(record_all(claims))
    assert owner.execute(COUNT).fetchone() == (100,)
    numbers = [number for (number,) in owner.execute("SELECT number FROM audit.claim ORDER BY number")]
    assert numbers == list(range(1, 101)), "they are sealed at these places"


async def record_all(claims: ClaimRecorder) -> None:
    async with claims.running():
        for partner in range(100):
            claims.record(claim(partner))


def fault_of(claims: ClaimRecorder) -> str:
    return claims.fault or ""


async def test_claims_wait_for_a_database_that_is_away(database: Database, owner: psycopg.Connection) -> None:
    owner.execute("ALTER FUNCTION audit.record_claims(json) RENAME TO record_no_claims")
    claims = recorder(database)
    async with claims.running(), asyncio.timeout(SECONDS_MAX):
        claims.record(claim())
        while not fault_of(claims):  # noqa: ASYNC110 - a task finds it
            await asyncio.sleep(0.01)
        assert claims.waiting == 1
        owner.execute("ALTER FUNCTION audit.record_no_claims(json) RENAME TO record_claims")
        while claims.waiting:  # noqa: ASYNC110 - a task writes it
            await asyncio.sleep(0.01)
        assert not fault_of(claims)
    assert owner.execute(COUNT).fetchone() == (1,)
