"""What was learned about a partner between two instants, over HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from services.compliance.settings import ComplianceSettings
from shared.events.wire import instant_text
from tests.compliance.asking import ORIGIN, answer, ask, asking
from tests.compliance.log import Log, set_clock, settings_for
from tests.databases import Database
from tests.oracle.rules import facts as oracle
from tests.policy.fact_log import recorded

CHANGES = f"{ORIGIN}/audit/v1/partners/P1/changes"
DAY = timedelta(days=1)
BEGIN = datetime(2022, 1, 4, 9, tzinfo=UTC)
ASKED = BEGIN + 40 * DAY
NOW = BEGIN + 100 * DAY

STORY = [
    oracle.PartnerEnrolled("enrolled", BEGIN, BEGIN, "P1", "VAR", "PARTNER_SUCCESS"),
    *(oracle.ConsultantLinked(f"linked-{person}", BEGIN, BEGIN, "P1", person) for person in ("C1", "C2")),
    *(oracle.CertificationRecognised(f"certified-{who}", BEGIN, BEGIN, who, "S200P") for who in ("C1", "C2", "C3")),
    # On day 40 that is all; later it becomes known that somebody had left on day 5, and what followed.
    oracle.ConsultantLeft("left", BEGIN + 5 * DAY, ASKED + 1 * DAY, "P1", "C2"),
    oracle.PartnerProgrammeChanged("moved", BEGIN + 6 * DAY, ASKED + 2 * DAY, "P1", "PARTNER_SUCCESS_PLUS"),
    oracle.ConsultantLinked("replaced", BEGIN + 39 * DAY, ASKED + 3 * DAY, "P1", "C3"),
    oracle.FactVoided("void", ASKED + 4 * DAY, ASKED + 4 * DAY, "left"),
]


@pytest.fixture
async def client(sandbox_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    set_clock(sandbox_database, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        Log(owner).write(recorded(STORY))
    settings: ComplianceSettings = settings_for(sandbox_database)
    async with asking(settings) as client:
        yield client


def _said(change: dict[str, Any], product: str = "S200P") -> dict[str, tuple[Any, Any]]:
    differences = [difference for difference in change["differences"] if difference["product"] == product]
    return {difference["member"]: (difference["before"], difference["after"]) for difference in differences}


async def test_between_equal_instants_nothing_was_learned(client: httpx.AsyncClient) -> None:
    for instant in (ASKED, ASKED + DAY, ASKED + 4 * DAY):
        when = instant_text(instant)
        found = await answer(client, CHANGES, at=instant_text(ASKED), known_from=when, known_to=when)
        assert (found["changes"], found["next"]) == ([], None)
        assert found["before"] == found["after"] != []
        assert found["from_position"] == found["to_position"]


async def test_what_was_learned_and_by_which_fact(client: httpx.AsyncClient) -> None:
    """As known on day 40 all was well; as known today, too; in between it was thought to be suspended."""
    found = await answer(client, CHANGES, at=instant_text(ASKED))
    assert found["known_from"] == found["at"] == instant_text(ASKED)
    assert [change["facts"][0]["fact_id"] for change in found["changes"]] == ["left", "replaced", "void"]
    left, replaced, void = map(_said, found["changes"])
    assert left["status"] == ("compliant", "suspended")
    assert left["counted"] == (["C2"], [])
    assert left["windows"][1][0]["outcome"] == "expired"
    assert replaced["status"] == ("suspended", "compliant")
    assert replaced["windows"][1][0]["outcome"] == "closed_late"
    assert void["headcount"] == (2, 3)
    assert "status" not in void
    (before, *_), (after, *_) = found["before"], found["after"]
    assert (before["status"], before["headcount"]) == ("compliant", 2)
    assert (after["status"], after["headcount"]) == ("compliant", 3)


async def test_an_interval_and_pages(client: httpx.AsyncClient) -> None:
    asked = {"at": instant_text(ASKED), "known_to": instant_text(ASKED + 3 * DAY), "limit": 1}
    first = await answer(client, CHANGES, **asked)
    second = await answer(client, CHANGES, **asked, after=first["next"])
    assert [change["facts"][0]["fact_id"] for page in (first, second) for change in page["changes"]] == [
        "left",
        "replaced",
    ]
    assert second["next"] is None
    nothing = await answer(client, CHANGES, at=instant_text(ASKED), known_from=instant_text(ASKED + 4 * DAY))
    assert nothing["changes"] == []
    assert nothing["before"] == nothing["after"]
    born = await answer(client, CHANGES, known_from=instant_text(BEGIN - DAY), at=instant_text(BEGIN))
    assert born["before"] == []
    assert born["changes"][0]["first_mention"] is True


@pytest.mark.parametrize(
    ("question", "status", "parameter"),
    [
        ("known_at=2022-01-04T09:00:00Z", 422, "known_at"),
        ("known_from=2100-01-01T00:00:00Z", 422, "known_from"),
        ("known_from=2100-01-01T00:00:00Z&known_to=2022-01-04T09:00:00Z", 422, "known_from"),
        ("known_to=2100-01-01T00:00:00Z", 422, "known_to"),
        ("known_from=2022-04-01T00:00:00Z&known_to=2022-01-04T09:00:00Z", 422, "known_from"),
        ("at=2022-01-04T09:00:00Z&known_to=2022-01-04T08:59:59Z&known_from=2022-01-01T00:00:00Z", 404, "partner_id"),
        ("at=now", 422, "at"),
        ("limit=0", 422, "limit"),
        ("after=x", 422, "after"),
    ],
)
async def test_what_cannot_be_asked(client: httpx.AsyncClient, question: str, status: int, parameter: str) -> None:
    refused = await ask(client, f"{CHANGES}?{question}")
    assert (refused.status_code, refused.json()["parameter"]) == (status, parameter)


async def test_a_partner_that_nobody_named(client: httpx.AsyncClient) -> None:
    assert (await ask(client, CHANGES.replace("P1", "NOBODY"))).status_code == 404
