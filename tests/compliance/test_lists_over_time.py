"""The lists of a process that goes on answering while facts come, also where no timer has fired for long.

One history by default; `HISTORIES=300 pytest tests/compliance/test_lists_over_time.py` runs as many as one likes, and
`FIRST_HISTORY` says with which seed to begin.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

import httpx
import psycopg
import pytest

from services.compliance.database import connect
from services.compliance.projection.batch import Projector
from services.compliance.read_model import names
from shared.events.wire import instant_text
from tests.compliance.asking import answer, asking
from tests.compliance.log import OURS, Group, Log, as_follower, set_clock, settings_for
from tests.compliance.test_consultant_lists import LISTS, rows
from tests.compliance.test_projection import LONG_AFTER, MICROSECOND
from tests.databases import Database
from tests.oracle.histories import History, densely_revised, seeded
from tests.oracle.rules.facts import Fact
from tests.policy.fact_log import recorded

HISTORIES = int(os.environ.get("HISTORIES", "1"))
FIRST_HISTORY = int(os.environ.get("FIRST_HISTORY", "0"))
MOMENTS = 3
"""At how many moments of a history everything is asked."""
NAMES = ("fact_id", "partner", "into", "consultant", "registration", "change", "policy", "voided")
AHEAD = (MICROSECOND, LONG_AFTER / 40, LONG_AFTER / 12, LONG_AFTER)


def portions(groups: list[Group], random: Random) -> Iterator[tuple[list[Group], datetime]]:
    """The groups in parts, each with an instant before the next begins; at last none, and an instant after all."""
    ends = sorted(random.sample(range(1, len(groups)), min(MOMENTS - 2, len(groups) - 1)))
    last = groups[-1][0].recorded_at
    for begin, end in zip([0, *ends], [*ends, len(groups)], strict=True):
        yield groups[begin:end], groups[end][0].recorded_at if end < len(groups) else last
    yield [], last + random.choice(AHEAD)


def side_by_side(*seeds: int) -> History:
    """Several histories in one log, the first of which revises the policy all the time; each has ids of its own."""
    told = [
        _named(f"{seed % 10}-", fact) for seed in seeds for fact in (densely_revised if seed % 3 == 0 else seeded)(seed)
    ]
    return sorted(told, key=lambda fact: fact.recorded_at)


def _named(prefix: str, fact: Fact) -> Fact:
    names_of = {name: getattr(fact, name, None) for name in NAMES}
    named: dict[str, Any] = {name: prefix + value for name, value in names_of.items() if isinstance(value, str)}
    return replace(fact, **named)


@pytest.mark.parametrize("seed", range(FIRST_HISTORY, FIRST_HISTORY + HISTORIES))
async def test_what_is_read_by_index_follows_from_the_log_at_every_moment(
    sandbox_database: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lay ahead when it was written has begun since; what a process keeps, further facts have changed."""
    monkeypatch.setattr(names, "_SAMPLE_MIN", 1)
    monkeypatch.setattr(names, "_ROWS_PER_ROW_MAX", 1 + seed % 3)
    random = Random(seed)
    groups = [group for group in recorded(side_by_side(2 * seed, 2 * seed + 1)) if group]
    settings, position = settings_for(sandbox_database), 0
    connection = await connect(as_follower(settings))
    projector = Projector(connection, OURS, "test")
    wrong: list[str] = []
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        log, clock = Log(owner), groups[0][0].recorded_at
        set_clock(sandbox_database, clock)
        async with asking(settings) as client:
            for coming, later in portions(groups, random):
                if coming:
                    clock = max(clock, coming[-1][0].recorded_at)
                    log.write(coming)
                    position = coming[-1][-1].position
                clock = random.choice((clock, max(clock, later))) if coming else later
                set_clock(sandbox_database, clock)
                barrier = random.choice((None, clock, clock - MICROSECOND)) if coming else None
                await projector.advance_fully(barrier)
                wrong += [line async for line in differences(client, clock, position, random)]
    await connection.close()
    assert not wrong, "\n".join(wrong)


async def differences(client: httpx.AsyncClient, clock: datetime, position: int, random: Random) -> Any:
    """Where a list of the present, or a single answer, differs from the one of its moment."""
    moment = {"at": instant_text(clock), "known_position": position}
    found = await rows(client, "partners", "partners", limit=100)
    partners = sorted({row["partner_id"] for row in found})
    changes = [row["portal_change_id"] for row in await rows(client, "portal-changes", "portal_changes")]
    paths = [
        *LISTS,
        *(f"maintenance?portal_change_id={change}" for change in changes),
        "partners",
        *(f"partners/{partner}/consultants" for partner in partners),
        *(f"maintenance?partner_id={partner}" for partner in partners),
        *(f"consultants?partner_id={partner}&certified=false" for partner in partners),
        f"windows?due_before={instant_text(clock)}",
        f"windows?status=open&due_before={instant_text(clock + AHEAD[2])}",
        f"maintenance?due_from={clock.date()}",
        f"maintenance?due_before={clock.date()}&product=S200P",
    ]
    for path in paths:
        member = path.partition("?")[0].rpartition("/")[2]
        limit = random.choice((3, 7, 100))
        present = await rows(client, path, member, limit=limit)
        log = await rows(client, path, member, limit=limit, **moment)
        if present != log:
            yield f"{path} in pages of {limit} at {moment}: {present}, from the log {log}"
    for partner in partners:
        for path in (f"partners/{partner}", *(f"partners/{partner}/compliance/{one}" for one in ("S200P", "S200S"))):
            alone, known = await answer(client, path), await answer(client, path, **moment)
            if alone | {"known_at": None} != known | {"known_at": None}:  # of the present: how far knowledge goes
                yield f"{path} at {moment}: {alone}, from the log {known}"
    for item in found:
        single = await answer(client, f"partners/{item['partner_id']}/compliance/{item['product']}")
        if (item["status"], item["headcount"]) != (single["status"], single["headcount"]):
            yield f"listed {item}, alone {single}"
