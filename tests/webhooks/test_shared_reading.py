"""Endpoints that were leased together read the log once where they are at the same place."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.compliance.database import create_pool
from services.compliance.webhooks.delivery.event_reader import Page, SharedReading
from services.compliance.webhooks.filter_and_cursor import Filter
from tests.webhooks.calling import Caller, seed_events, settings_for
from tests.webhooks.test_dispatcher import more_events


@pytest.fixture
async def reading(caller: Caller) -> AsyncIterator[SharedReading]:
    """Of a log with some events."""
    await seed_events(caller.database)
    async with create_pool(settings_for(caller.database)) as pool:
        yield SharedReading(pool)


def positions(page: Page) -> list[int]:
    return [row.position for row in page.rows]


async def test_who_asks_for_the_same_at_the_same_time_gets_the_same(reading: SharedReading) -> None:
    first, second = await asyncio.gather(*(reading.read(0, Filter(), 5) for _ in range(2)))
    assert positions(first) == [1, 2, 3, 4, 5]
    assert second is first


async def test_a_page_is_there_while_somebody_works_on_it_and_then_read_anew(
    caller: Caller, reading: SharedReading
) -> None:
    head = (await reading.read(0, Filter(), 1)).head
    page = await reading.read(head, Filter(), 5)
    more_events(caller, 2)
    assert await reading.read(head, Filter(), 5) is page
    del page
    assert positions(await reading.read(head, Filter(), 5)) == [head + 1, head + 2]


async def test_another_place_another_filter_and_another_limit_are_something_else(reading: SharedReading) -> None:
    page = await reading.read(0, Filter(), 5)
    assert positions(await reading.read(1, Filter(), 5)) == [2, 3, 4, 5, 6]
    assert positions(await reading.read(0, Filter(), 2)) == [1, 2]
    of_one_partner = await reading.read(0, Filter(partner_ids=("P1",)), 5)
    assert {row.partner_id for row in of_one_partner.rows} == {"P1"}
    assert positions(page) == [1, 2, 3, 4, 5]


async def test_who_is_cancelled_takes_nothing_from_the_others(reading: SharedReading) -> None:
    gone, staying = (asyncio.create_task(reading.read(0, Filter(), 5)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert positions(await staying) == [1, 2, 3, 4, 5]
    assert gone.cancelled()
