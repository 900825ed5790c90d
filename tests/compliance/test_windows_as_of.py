"""Windows as of another moment: by the days on which windows opened, and where those do not tell, of every partner."""

from datetime import timedelta
from random import Random
from typing import Any

import httpx
import pytest

from shared.events.facts import ConsultantLeft, PolicyRevised
from shared.events.wire import instant_text
from tests.compliance.asking import answer, ask, asking
from tests.compliance.log import followed
from tests.compliance.seed import BEGIN, DAY, SeedFacts
from tests.compliance.test_consultant_lists import rows
from tests.compliance.test_projection import history
from tests.databases import Database

PRODUCTS = ("S200P", "S200S")


async def of_each_partner(client: httpx.AsyncClient, partners: list[str], **moment: object) -> list[tuple[object, ...]]:
    """The windows that each partner's own answer has, soonest deadline first."""
    found: list[tuple[object, ...]] = []
    for partner_id in partners:
        response = await ask(client, f"partners/{partner_id}", **moment)
        for standing in response.json().get("products", ()):
            found += [
                (window["deadline_at"], partner_id, standing["product"], number, window["opened_at"], window["outcome"])
                for number, window in enumerate(standing["windows"], start=1)
            ]
    return sorted(found)


def shown(windows: list[Any]) -> list[tuple[object, ...]]:
    members = ("deadline_at", "partner_id", "product", "number", "opened_at", "outcome")
    return [tuple(window[member] for member in members) for window in windows]


@pytest.mark.parametrize("seed", [2, 9, 25])
async def test_the_windows_of_any_moment_are_those_of_each_partner(sandbox_database: Database, seed: int) -> None:
    groups = history(seed)
    now = groups[-1][0].recorded_at + timedelta(days=60)
    settings = await followed(sandbox_database, groups, now)
    async with asking(settings) as client:
        partners = sorted({row["partner_id"] for row in await rows(client, "partners", "partners")})
        total = 0
        for group in (*Random(seed).sample(groups, 8), groups[-1]):
            last = group[-1]
            for at in (last.recorded_at, last.recorded_at - timedelta(days=20), last.recorded_at + timedelta(days=50)):
                moment = {"at": instant_text(at), "known_position": last.position}
                expected = await of_each_partner(client, partners, **moment)
                assert shown(await rows(client, "windows", "windows", **moment)) == expected
                total += len(expected)
        assert total > 5


async def test_windows_of_different_days_are_in_one_order(sandbox_database: Database) -> None:
    """R39: a window keeps the days in force when it opened, so that a later one can be due earlier."""
    seed = SeedFacts()
    for number in range(6):
        seed.var(BEGIN, f"P{number}")
    for number in range(6):
        seed.tell(BEGIN + (1 + number) * DAY, ConsultantLeft(f"P{number}", f"P{number}-B"))
        if number == 2:
            seed.tell(BEGIN + 4 * DAY, PolicyRevised("short", window_days=3))
    settings = await followed(sandbox_database, seed.groups, BEGIN + 50 * DAY)
    async with asking(settings) as client:
        moment = {"at": instant_text(BEGIN + 20 * DAY), "known_at": instant_text(BEGIN + 30 * DAY)}
        found = await rows(client, "windows", "windows", **moment)
        assert [row["partner_id"] for row in found] == ["P3", "P4", "P5", "P0", "P1", "P2"]
        running = await rows(client, "windows", "windows", status="open", **moment)
        assert [row["partner_id"] for row in running] == ["P0", "P1", "P2"]
        due = await rows(client, "windows", "windows", due_before="2022-01-15", **moment)
        assert [row["partner_id"] for row in due] == ["P3", "P4", "P5"]
        for after in ("0001-01-01T00:00:00Z~A~S200P~1", "9999-12-31T23:59:59Z~A~~~0"):
            page = await answer(client, "windows", after=after, **moment)
            assert len(page["windows"]) == (6 if after.startswith("0") else 0)
