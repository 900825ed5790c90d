"""Days by which something is to be done, as a calendar and as a feed."""

from collections.abc import AsyncIterator
from datetime import date
from xml.etree import ElementTree

import httpx
import psycopg
import pytest
from icalendar import Calendar

from shared.events.facts import ConsultantLeft, PortalChangeDeclared
from tests.compliance.asking import asking
from tests.compliance.log import followed
from tests.compliance.seed import BEGIN, DAY, SeedFacts
from tests.databases import Database

NOW = BEGIN + 40 * DAY
DUE_ON = date(2022, 4, 30)
NAMED = 'Müller & "Söhne"; Ltd,\x01\r\nBEGIN:VEVENT <b>'
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
async def client(sandbox_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Of two VARs P1 lost B, so that its window ends on the 14th of March. P1-A and P2-B owe maintenance."""
    seed = SeedFacts()
    seed.var(BEGIN, "P1")
    seed.var(BEGIN, "P2")
    seed.tell(BEGIN + DAY, PortalChangeDeclared("CH1", ("S200P",), True, DUE_ON, "a change"))
    seed.certified(BEGIN + 3 * DAY, "P2-A")
    seed.tell(BEGIN + 39 * DAY, ConsultantLeft("P1", "P1-B"))
    settings = await followed(sandbox_database, seed.groups, NOW)
    with psycopg.connect(sandbox_database.owner_url, autocommit=True) as owner:
        name = "INSERT INTO certification.partner_profile (partner_id, name) VALUES ('P1', %s)"
        owner.execute(name, [NAMED])
    async with asking(settings) as client:
        yield client


DAYS = {
    "window.P1.S200P.1": date(2022, 3, 14),
    "maintenance.CH1.P1.S200P": DUE_ON,
    "maintenance.CH1.P2.S200P": DUE_ON,
}


async def test_a_calendar_has_a_day_for_each_deadline_that_lies_ahead(client: httpx.AsyncClient) -> None:
    response = await client.get("due-days.ics")
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert all(len(line) <= 75 for line in response.content.split(b"\r\n"))
    events = Calendar.from_ical(response.content).walk("VEVENT")
    days = {str(event["uid"]): event.decoded("dtstart") for event in events}
    assert days == {f"{key}@sagecert": day for key, day in DAYS.items()}
    assert (
        str(events[0]["summary"])
        == 'Müller & "Söhne"; Ltd,\N{REPLACEMENT CHARACTER} BEGIN:VEVENT <b> (P1): replace a consultant for S200P'
    )
    named = await client.get("partners/P1/due-days.ics")
    lines = named.content.replace(b"\r\n ", b"").decode().split("\r\n")
    escaped = 'Müller & "Söhne"\\; Ltd\\,\N{REPLACEMENT CHARACTER} BEGIN:VEVENT <b>'
    assert [line for line in lines if "NAME:" in line] == [
        f"NAME:Due days of {escaped} (P1)",
        f"X-WR-CALNAME:Due days of {escaped} (P1)",
    ]
    assert len(Calendar.from_ical(named.content).walk("VEVENT")) == 2
    of_partner = await client.get("partners/P2/due-days.ics")
    (event,) = Calendar.from_ical(of_partner.content).walk("VEVENT")
    assert str(event["uid"]) == "maintenance.CH1.P2.S200P@sagecert"
    assert str(event["description"]).startswith("1 consultant of P2 must complete the maintenance for CH1 by the end")


async def test_a_feed_has_an_entry_for_each(client: httpx.AsyncClient) -> None:
    """RFC 4287: each entry keeps its id, and says when it became due."""
    response = await client.get("due-days.atom")
    assert response.headers["content-type"] == "application/atom+xml; charset=utf-8"
    root = ElementTree.fromstring(response.content)
    assert [root.findtext(f"{ATOM}{name}") for name in ("title", "updated")] == ["Due days", "2022-02-12T09:00:00Z"]
    entries = {entry.findtext(f"{ATOM}id"): entry for entry in root.iter(f"{ATOM}entry")}
    assert entries.keys() == {f"urn:sagecert:due-day:{key}" for key in DAYS}
    window = entries["urn:sagecert:due-day:window.P1.S200P.1"]
    assert window.findtext(f"{ATOM}updated") == "2022-02-12T09:00:00Z"
    assert (window.findtext(f"{ATOM}title") or "").startswith("2022-03-14: Müller")
    of_partner = ElementTree.fromstring((await client.get("partners/P2/due-days.atom")).content)
    assert len(list(of_partner.iter(f"{ATOM}entry"))) == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [("partners/nobody/due-days.ics", 404), ("partners/nobody/due-days.atom", 404), ("due-days.ics?at=now", 422)],
)
async def test_what_is_not_known_or_not_taken_is_a_problem(client: httpx.AsyncClient, path: str, status: int) -> None:
    response = await client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
