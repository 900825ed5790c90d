"""Lists never take every connection: a question about one partner is answered while any number of searches run."""

import asyncio
from typing import Any

import pytest

from services.compliance.api import lists, recorded_events
from services.compliance.app import LISTS_SHARE
from tests.compliance.asking import ask, asking
from tests.compliance.log import settings_for
from tests.databases import Database

SECONDS_MAX = 20


@pytest.mark.parametrize(
    ("path", "module", "query"),
    [
        ("partners?q=x", lists, "present_partners"),
        ("windows", lists, "present_windows"),
        ("recorded-events", recorded_events, "read_recorded_events"),
    ],
)
async def test_a_live_answer_finds_a_connection_beside_any_number_of_lists(
    database: Database, monkeypatch: pytest.MonkeyPatch, path: str, module: Any, query: str
) -> None:
    settings = settings_for(database)
    running, going_on = 0, asyncio.Event()
    read = getattr(module, query)

    async def takes_long(*arguments: object, **filters: object) -> Any:
        nonlocal running
        running += 1
        await going_on.wait()
        return await read(*arguments, **filters)

    monkeypatch.setattr(module, query, takes_long)
    async with asking(settings) as client:
        searches = [asyncio.create_task(ask(client, path)) for _ in range(2 * settings.database_connections_max)]
        while running < settings.database_connections_max // LISTS_SHARE:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        for _ in range(20):
            live = await asyncio.wait_for(ask(client, "partners/P1/compliance/S200P"), SECONDS_MAX)
            assert live.status_code == 404
        assert running == settings.database_connections_max // LISTS_SHARE
        going_on.set()
        assert {answer.status_code for answer in await asyncio.gather(*searches)} == {200}
