"""How a partner stood over time, over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import psycopg
import pytest

from shared.events.wire import instant_text
from tests.compliance.asking import ORIGIN, answer, ask, asking
from tests.compliance.log import Log, set_clock, settings_for
from tests.compliance.test_partner_changes import BEGIN, DAY, NOW, STORY
from tests.databases import Database
from tests.oracle.rules import facts
from tests.policy.fact_log import recorded

STANDINGS = f"{ORIGIN}/compliance/v1/partners/P1/standings"


@pytest.fixture
async def client(sandbox_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """P1 was compliant; then it became known that C2 had left on day 5."""
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(recorded(STORY))
    async with asking(settings_for(sandbox_database)) as client:
        yield client


async def test_the_spans_follow_each_other_and_people_have_theirs(client: httpx.AsyncClient) -> None:
    found = await answer(client, STANDINGS, known_at=instant_text(BEGIN + 42 * DAY))
    spans = [span for span in found["standings"] if span["product"] == "S200P"]
    assert [(span["status"], span["headcount"]) for span in spans] == [
        ("compliant", 2),
        ("in_window", 1),
        ("suspended", 1),
    ]
    assert [span["to"] for span in spans] == [*(span["from"] for span in spans[1:]), None]
    people = [(span["consultant_id"], span["product"], span["to"]) for span in found["people"]]
    left = instant_text(BEGIN + 5 * DAY)
    assert people == [("C1", None, None), ("C1", "S200P", None), ("C2", None, left), ("C2", "S200P", left)]


async def test_an_answer_is_bounded_and_says_what_it_leaves_out(client: httpx.AsyncClient) -> None:
    found = await answer(client, STANDINGS, known_at=instant_text(BEGIN + 42 * DAY), limit="1")
    assert [span["status"] for span in found["standings"]] == ["suspended", "not_yet_authorised"]
    assert found["standings_omitted"] == 2


@pytest.mark.parametrize(("partner", "status"), [("nobody", 404), ("P1", 200)])
async def test_a_partner_never_mentioned_has_no_history(client: httpx.AsyncClient, partner: str, status: int) -> None:
    found = await ask(client, f"{ORIGIN}/compliance/v1/partners/{partner}/standings", at=instant_text(NOW))
    assert found.status_code == status


async def test_a_partner_whose_facts_change_nothing_has_no_spans(sandbox_database: Database) -> None:
    """It is mentioned all the same: by a voided fact, or by who left without being linked."""
    story = [
        facts.PartnerEnrolled("f1", BEGIN, BEGIN, "voided", "VAR", "PARTNER_SUCCESS"),
        facts.FactVoided("f2", BEGIN, BEGIN, "f1"),
        facts.ConsultantLeft("f3", BEGIN, BEGIN, "left", "C1"),
    ]
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(recorded(story))
    async with asking(settings_for(sandbox_database)) as client:
        for partner in ("voided", "left"):
            found = await answer(client, f"{ORIGIN}/compliance/v1/partners/{partner}/standings")
            assert (found["partner_id"], found["standings"], found["people"]) == (partner, [], [])


async def test_of_many_people_those_who_stay_longest_are_there(sandbox_database: Database) -> None:
    """A hundred and ten joined day after day, and the first five left."""
    story: list[facts.Fact] = [facts.PartnerEnrolled("f0", BEGIN, BEGIN, "P1", "VAR", "PARTNER_SUCCESS")]
    for number in range(110):
        day = BEGIN + timedelta(hours=number)
        story.append(facts.ConsultantLinked(f"l{number}", day, day, "P1", f"C{number:03}"))
    for number in range(5):
        day = BEGIN + timedelta(days=8)
        story.append(facts.ConsultantLeft(f"d{number}", day, day, "P1", f"C{number:03}"))
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(recorded(story))
    async with asking(settings_for(sandbox_database)) as client:
        found = await answer(client, STANDINGS)
    assert [person["consultant_id"] for person in found["people"]] == [f"C{number:03}" for number in range(5, 105)]
    assert found["people_omitted"] == 10
