"""Which facts changed nothing, from the log: the pages hold what the policy says of all facts at once."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from services.compliance.database import connect
from services.compliance.historical_answers import facts_without_effect as pages
from services.compliance.historical_answers.questions import FactsWithoutEffect
from services.compliance.policy.no_effect.facts_without_effect import facts_without_effect
from services.compliance.policy.parameters import PARAMETERS
from services.compliance.settings import ComplianceSettings
from shared.events.envelope import Fact
from shared.events.wire import instant_text
from tests.compliance.asking import answer, ask, asking
from tests.compliance.log import Group, Log, set_clock, settings_for
from tests.databases import Database
from tests.oracle.histories import History, seeded
from tests.policy.fact_log import everything, recorded
from tests.policy.test_laws import in_force_and_void

HISTORIES = 12
_IDS = ("fact_id", "partner", "into", "consultant", "registration", "change", "voided")


def side_by_side() -> list[Group]:
    """Random histories in one log, each with ids of its own."""
    merged: History = []
    for seed in range(HISTORIES):
        for fact in in_force_and_void(seeded(seed)):
            ids: dict[str, Any] = {
                name: f"{seed}-{getattr(fact, name)}" for name in _IDS if getattr(fact, name, None) is not None
            }
            merged.append(replace(fact, **ids))
    merged.sort(key=lambda fact: fact.recorded_at)
    return [group for group in recorded(merged) if group]


GROUPS = side_by_side()
FACTS = everything(GROUPS)
NOW = FACTS[-1].recorded_at + timedelta(days=1)
AN_INSTANT = FACTS[len(FACTS) // 2].recorded_at


@pytest.fixture
def settings(sandbox_database: Database) -> ComplianceSettings:
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(GROUPS)
    return settings_for(sandbox_database)


@pytest.fixture
async def client(settings: ComplianceSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(settings) as client:
        yield client


def policy_says(facts: Sequence[Fact], at: datetime) -> dict[str, str]:
    return {found.fact.fact_id: found.reason for found in facts_without_effect(facts, at, PARAMETERS)}


async def test_pages_of_any_size_hold_what_the_policy_says_of_the_whole_log(
    settings: ComplianceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is judged together, and wherever a page ends: for several instants, with filters and without."""
    connection = await connect(settings)
    for at_once, judged_max, limit in ((250, 4_000, 1_000), (7, 20, 3), (1, 1, 1)):
        monkeypatch.setattr(pages, "_AT_ONCE", at_once)
        monkeypatch.setattr(pages, "JUDGED_MAX", judged_max)
        for at in (NOW, AN_INSTANT):
            question = FactsWithoutEffect(at=at, limit=limit)
            listed = [item async for item in _every_page(connection, question)]
            assert {item["fact_id"]: item["reason"] for item in listed} == policy_says(FACTS, at)
            assert [item["position"] for item in listed] == sorted(item["position"] for item in listed)
            newest = msgspec.structs.replace(question, order="newest")
            assert [item async for item in _every_page(connection, newest)] == listed[::-1]
    for name, value in (
        ("partner_id", _first("partner_id")),
        ("consultant_id", _first("consultant_id")),
        ("reason", "already_left"),
    ):
        question = msgspec.structs.replace(question, at=NOW, limit=2, **{name: value})
        listed = [item async for item in _every_page(connection, question)]
        wanted = _filtered(value)
        assert {item["fact_id"] for item in listed} == wanted
        newest = msgspec.structs.replace(question, order="newest")
        assert [item async for item in _every_page(connection, newest)] == listed[::-1]
        question = msgspec.structs.replace(question, **{name: None})
    await connection.close()


async def _every_page(connection: Any, question: FactsWithoutEffect) -> AsyncIterator[dict[str, Any]]:
    after: str | None = None
    while True:
        page = msgspec.json.decode(
            await pages.without_effect(connection, msgspec.structs.replace(question, after=after), PARAMETERS)
        )
        assert len(page["facts"]) <= question.limit
        for item in page["facts"]:
            yield item
        after = page["next"]
        if after is None:
            return


def _first(name: str) -> str:
    """The id of that name in the first fact without effect that has one."""
    ids: Iterator[str] = (getattr(found.fact.data, name, "") for found in facts_without_effect(FACTS, NOW, PARAMETERS))
    return next(filter(None, ids))


def _filtered(value: str) -> set[str]:
    registrations = {
        getattr(fact.data, "registration_id", None)
        for fact in FACTS
        if getattr(fact.data, "consultant_id", None) == value
    } - {None}
    return {
        found.fact.fact_id
        for found in facts_without_effect(FACTS, NOW, PARAMETERS)
        if value in (found.reason, *_ids_of(found.fact))
        or getattr(found.fact.data, "registration_id", None) in registrations
    }


def _ids_of(fact: Fact) -> Iterator[str]:
    yield from (getattr(fact.data, name, "") for name in ("partner_id", "into", "consultant_id"))


async def test_a_list_goes_on_as_it_began(client: httpx.AsyncClient) -> None:
    """The cursor holds `at` and the position, so that all pages are of one list."""
    first = await answer(
        client, "facts-without-effect", limit=2, known_position=FACTS[-1].position, at=instant_text(NOW)
    )
    assert len(first["facts"]) == 2
    assert first["position"] == FACTS[-1].position
    second = await answer(client, "facts-without-effect", limit=2, after=first["next"])
    assert (second["at"], second["position"]) == (first["at"], first["position"])
    assert second["facts"][0]["position"] > first["facts"][-1]["position"]
    newest = await answer(client, "facts-without-effect", limit=2, order="newest")
    older = await answer(client, "facts-without-effect", limit=2, order="newest", after=newest["next"])
    positions = [item["position"] for page in (newest, older) for item in page["facts"]]
    assert positions == sorted(positions, reverse=True)
    earlier = await answer(client, "facts-without-effect", known_position=GROUPS[3][-1].position, limit=1000)
    known = [fact for fact in FACTS if fact.position <= GROUPS[3][-1].position]
    assert {item["fact_id"] for item in earlier["facts"]} == policy_says(known, NOW).keys()
    assert set(first["facts"][0]) == {
        *("fact_id", "position", "type", "effective_at", "recorded_at", "reason", "rule", "text", "data")
    }


@pytest.mark.parametrize(
    ("question", "status", "parameter"),
    [
        ("partner_id=NOBODY", 404, "partner_id"),
        ("consultant_id=NOBODY", 404, "consultant_id"),
        ("partner_id=3-P1&known_position=0", 404, "partner_id"),
        ("partner_id=P%00", 422, "partner_id"),
        ("reason=because", 422, "reason"),
        ("order=random", 422, "order"),
        ("limit=0", 422, "limit"),
        ("after=1", 422, "after"),
        ("after=2022-99-01T00:00:00Z~1~1", 422, "after"),
        (f"after=2022-01-01T00:00:00Z~{10**19 - 1}~1", 422, "after"),
        (f"after=2022-01-01T00:00:00Z~{FACTS[-1].position + 1}~1", 422, "known_position"),
        ("known_at=2100-01-01T00:00:00Z", 422, "known_at"),
        ("page=2", 422, "page"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    client: httpx.AsyncClient, question: str, status: int, parameter: str
) -> None:
    refused = await ask(client, f"facts-without-effect?{question}")
    assert refused.status_code == status, refused.text
    assert refused.json()["parameter"] == parameter
