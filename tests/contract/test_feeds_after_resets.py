"""Both feeds as Server-Sent Events over logs that begin again: a sandbox that is reset, a crash that took the end."""

import asyncio
from typing import Any

import psycopg
import pytest

from services.compliance.read_model import event_log
from services.host import sandbox
from services.host.wall_clock import wall_clock
from tests.contract.feeds import FEEDS, Streamed, both, plant_now, streaming, taken
from tests.databases import Database


def catch_up(database: Database) -> None:
    """What a follower does that finds nothing to publish."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(
            "UPDATE compliance.progress SET known_through = certification.now(),"
            " position = (SELECT coalesce(max(notification_id), 0) FROM certification.stored_events)"
        )


@pytest.mark.parametrize("path", FEEDS)
async def test_a_stream_over_a_reset_of_the_sandbox_tells_the_new_log_from_its_beginning(
    sandbox_database: Database, path: str
) -> None:
    """A reader that returns with an id of the old log gets it, too. The stream begins once all facts are applied."""
    plant_now(sandbox_database, range(1, 6))
    async with both(sandbox_database, sandbox=True) as services, streaming(services.composition, path) as lines:
        await taken(lines, "id: 5")
        await asyncio.to_thread(sandbox.empty, sandbox_database.owner_url, wall_clock(), running=False)
        catch_up(sandbox_database)
        await taken(lines, "id: 0")
        plant_now(sandbox_database, range(1, 3))
        open_one = await taken(lines, "id: 2")
        async with streaming(services.composition, path, "after=5") as lines_again:
            if path.startswith("/compliance"):
                assert (await anext(lines_again)).startswith("retry:")
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.3):
                        await taken(lines_again, "id: 0")
        catch_up(sandbox_database)
        async with streaming(services.composition, path, "after=5") as lines_again:
            new_one = await taken(lines_again, "id: 2")
    for told in (open_one, new_one):
        assert [event["position"] for event in Streamed().events([*told, ""])] == [1, 2]
    assert "id: 0" in new_one


@pytest.mark.parametrize("path", FEEDS)
async def test_a_stream_opened_right_after_a_reset_tells_nothing_of_the_log_before(
    sandbox_database: Database, path: str
) -> None:
    """Another stream follows the log before it still, and the log is as long again."""
    plant_now(sandbox_database, range(1, 6))
    async with both(sandbox_database, sandbox=True) as services, streaming(services.composition, path) as lines:
        await taken(lines, "id: 5")
        plant_now(sandbox_database, range(6, 9))
        await taken(lines, "id: 8")
        await asyncio.to_thread(sandbox.empty, sandbox_database.owner_url, wall_clock(), running=False)
        plant_now(sandbox_database, range(1, 10))
        before = (await services.http.get(f"{path}?after=0&limit=1000")).json()
        async with streaming(services.composition, path) as new_lines:
            told = list(Streamed().events([*await taken(new_lines, "id: 9"), ""]))
        assert told == before
        assert "id: 0" in await taken(lines, "id: 9"), "the other one begins again"


async def test_facts_that_a_reset_took_are_waited_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the clock shows what it showed before."""
    monkeypatch.setattr(event_log, "_POLL_SECONDS", 0)
    now = wall_clock()
    before = {"position": 0, "known_through": now, "now": now, "head": 100}
    seen = [before, {**before, "head": 3}, {**before, "head": 3, "position": 3}]

    class Pool:
        async def fetchrow(self, _: str) -> dict[str, Any]:
            return seen.pop(0)

    pool: Any = Pool()
    await event_log.until_all_is_derived(pool)
    assert not seen


@pytest.mark.parametrize("path", FEEDS)
async def test_a_log_that_is_no_sandbox_is_waited_for_where_a_crash_took_its_end(database: Database, path: str) -> None:
    """What was read before it reached the disk comes again as it was, and is not told twice."""
    plant_now(database, range(1, 4))
    async with both(database) as services, streaming(services.composition, path, "after=5") as lines:
        assert (await services.http.get(f"{path}?after=5&timeout=0.3")).json() == []
        plant_now(database, range(4, 8))
        found = await taken(lines, "id: 7")
    assert [event["position"] for event in Streamed().events([*found, ""])] == [6, 7]
