"""A check of readiness: one at a time for all who ask, and an answer in time."""

import asyncio

import pytest

from services.web import readiness_check
from services.web.readiness_check import ReadinessCheck


async def test_whoever_asks_meanwhile_shares_the_check_and_whoever_asks_later_begins_another() -> None:
    begun: list[asyncio.Future[int]] = []

    def check() -> asyncio.Future[int]:
        begun.append(asyncio.get_running_loop().create_future())
        return begun[-1]

    shared = ReadinessCheck(check)
    first = [asyncio.create_task(shared.outcome()) for _ in range(2)]
    await asyncio.sleep(0)
    begun[0].set_result(1)
    second = asyncio.create_task(shared.outcome())  # begins before the first two get their result
    assert await asyncio.gather(*first) == [1, 1]
    begun[1].set_exception(ConnectionError("away"))
    with pytest.raises(ConnectionError):
        await second
    assert len(begun) == 2


async def test_a_check_that_does_not_end_is_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness_check, "CHECK_SECONDS_MAX", 0.01)
    shared = ReadinessCheck(asyncio.Event().wait)
    for outcome in await asyncio.gather(shared.outcome(), shared.outcome()):
        assert outcome is None
