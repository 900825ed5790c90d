"""All certifications of a person in one answer: what each alone says, and what the list of people says."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from shared.events.facts import PolicyRevised
from shared.events.wire import instant_text
from tests.compliance.asking import answer, ask, asking
from tests.compliance.log import followed
from tests.compliance.seed import BEGIN, DAY, SeedFacts
from tests.compliance.test_consultant_lists import ANNOUNCED, NOW, told
from tests.compliance.test_projection import history
from tests.databases import Database

_OF_THE_ANSWER = ("certified", "portal_user", "reasons")
_OF_THE_LIST = ("certified", "certified_since", "lacks", "maintenance_due_on")


def _members(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names}


async def _compare(client: httpx.AsyncClient, **moment: str) -> int:
    """How many answers agree with each product's own answer and with the list."""
    people: dict[str, dict[str, dict[str, Any]]] = {}
    for row in (await answer(client, "consultants", limit=500, **moment))["consultants"]:
        people.setdefault(row["consultant_id"], {})[row["product"]] = row
    for person, rows in people.items():
        found = await answer(client, f"consultants/{person}/certifications", **moment)
        assert [said["product"] for said in found["certifications"]] == ["S200P", "S200S"]
        changes = [said["next_change_at"] for said in found["certifications"]]
        assert found["next_change_at"] == min((change for change in changes if change), default=None)
        for said in found["certifications"]:
            product = said["product"]
            alone = await answer(client, f"consultants/{person}/certifications/{product}", **moment)
            assert _members(said, _OF_THE_ANSWER) == _members(alone, _OF_THE_ANSWER), (person, moment)
            assert _members(said, _OF_THE_LIST) == _members(rows[product], _OF_THE_LIST), (person, moment)
            assert found["partner_id"] == rows[product]["partner_id"]
            both = [alone["next_change_at"], rows[product]["next_change_at"]]
            assert said["next_change_at"] == min((change for change in both if change), default=None)
    return len(people)


@pytest.mark.parametrize("seed", [None, 3, 8])
async def test_they_are_what_each_alone_and_the_list_say(sandbox_database: Database, seed: int | None) -> None:
    groups = told() if seed is None else history(seed)
    now = NOW if seed is None else groups[-1][0].recorded_at + timedelta(days=1)
    async with asking(await followed(sandbox_database, groups, now)) as client:
        assert await _compare(client) > 1
        earlier = groups[len(groups) * 2 // 3][-1].position
        assert await _compare(client, at=instant_text(now), known_position=str(earlier)) > 0
        later = instant_text(now + 400 * DAY)
        assert await _compare(client, at=later, known_position=str(groups[-1][-1].position)) > 1


async def test_what_is_owed_is_said_before_it_costs_the_certification(sandbox_database: Database) -> None:
    async with asking(await followed(sandbox_database, told(), NOW)) as client:
        before = await answer(client, "consultants/B/certifications", at=instant_text(ANNOUNCED + DAY))
        owed = before["certifications"][0]
        assert (owed["certified"], owed["maintenance_due_on"], before["next_change_at"]) == (
            *(True, "2022-03-01", "2022-03-02T00:00:00Z"),
        )
        assert (await ask(client, "consultants/nobody/certifications")).status_code == 404
        assert (await ask(client, "consultants/B/certifications", product="S200P")).status_code == 422


async def test_the_policies_that_follow_are_in_the_answer_about_the_policy(sandbox_database: Database) -> None:
    """R39: each is what the answer of its own instant says."""
    seed = SeedFacts()
    seed.var(BEGIN, "P1")
    for number in (3, 2, 1):
        seed.tell(BEGIN, PolicyRevised(f"Y{number}", window_days=30 + number))
        (revision,) = seed.groups[-1]
        seed.groups[-1] = (msgspec.structs.replace(revision, effective_at=NOW + number * DAY),)
    async with asking(await followed(sandbox_database, seed.groups, NOW)) as client:
        found = await answer(client, "policy", coming=2)
        assert [coming["policy_id"] for coming in found["coming"]] == ["Y1", "Y2"]
        for coming in found["coming"]:
            then = await answer(client, "policy", at=coming["in_force_from"], coming=20)
            assert coming.items() <= then.items()
        assert [coming["policy_id"] for coming in then["coming"]] == ["Y3"]
        assert (await answer(client, "policy"))["coming"] == []
        assert (await ask(client, "policy", coming=21)).status_code == 422
        standings = await answer(client, "partners/P1/standings", at=instant_text(NOW))
        assert [revision["policy_id"] for revision in standings["policies"]] == ["Y1", "Y2", "Y3"]
