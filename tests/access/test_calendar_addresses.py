"""Calendars are read by an address with a key in it, and nothing else is."""

import logging
from typing import Final

import pytest

from services.web.scopes import Scope
from tests.access.serving import BOOTSTRAP, bearer, first, issued, revoked, served
from tests.databases import Database

CALENDAR: Final = "/compliance/v1/due-days.ics"
FEED: Final = "/compliance/v1/due-days.atom"


async def test_a_key_for_calendars_stands_in_the_address_or_in_the_header(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    key = issued(database, "outlook", Scope.CALENDARS)
    caplog.set_level(logging.DEBUG)
    async with served(database) as http:
        for path in (CALENDAR, FEED):
            answers = [
                await http.get(path, params={"key": key.text}),
                await http.get(f"{path}?min_position=0&key={key.text.replace('_', '%5F')}"),
                await http.get(path, headers=bearer(key)),
                await http.head(path, params={"key": key.text}),
            ]
            assert [answer.status_code for answer in answers] == [200] * 4, answers[0].text
            assert key.text not in answers[0].text
            assert answers[0].headers["cache-control"] == "no-store"
        of_partner = await http.get("/compliance/v1/partners/nobody/due-days.ics", params={"key": key.text})
        assert of_partner.status_code == 404
        assert key.text not in of_partner.text
    assert not _logged_by_us(caplog, key.text)


def _logged_by_us(caplog: pytest.LogCaptureFixture, secret: str) -> bool:
    """The client of the test logs its own addresses."""
    return any(secret in record.getMessage() for record in caplog.records if not record.name.startswith("http"))


async def test_it_opens_nothing_else(database: Database) -> None:
    key = issued(database, "outlook", Scope.CALENDARS)
    async with served(database) as http:
        for path in ("/compliance/v1/partners", "/compliance/v1/events", "/certification/v1/events"):
            assert (await http.get(path, headers=bearer(key))).status_code == 403
            by_address = await http.get(path, params={"key": key.text})
            assert by_address.status_code == 401
            assert key.text not in by_address.text


async def test_no_other_key_stands_in_an_address(database: Database) -> None:
    keys = [issued(database, f"of-{scope}", scope).text for scope in Scope if scope is not Scope.CALENDARS]
    both = issued(database, "both", Scope.CALENDARS, Scope.READ)
    async with served(database, bootstrap=BOOTSTRAP) as http:
        for key in (*keys, both.text, BOOTSTRAP):
            refused = await http.get(CALENDAR, params={"key": key})
            assert refused.status_code == 401, key
            assert "Revoke this one" in refused.json()["detail"]
            assert key not in refused.text
            assert (await http.get(CALENDAR, headers={"Authorization": f"Bearer {key}"})).status_code == 200


async def test_a_wrong_doubled_or_revoked_key_is_refused(database: Database) -> None:
    key, other = issued(database, "outlook", Scope.CALENDARS), issued(database, "google", Scope.CALENDARS)
    async with served(database) as http:
        for wrong in ("", "x", "%00", key.text[:-1], f"{key.text}%20x"):
            assert (await http.get(f"{CALENDAR}?key={wrong}")).status_code == 401, wrong
        twice = [
            await http.get(f"{CALENDAR}?key={key.text}&key={key.text}"),
            await http.get(f"{CALENDAR}?key={key.text}", headers=bearer(other)),
        ]
        assert [answer.status_code for answer in twice] == [422, 422]
        assert not any(key.text in answer.text for answer in twice)
        revoked(database, key.key_name)
        await first(lambda: http.get(CALENDAR, params={"key": key.text}), 401)
        assert (await http.get(CALENDAR, params={"key": other.text})).status_code == 200


async def test_where_no_key_is_needed_one_in_the_address_does_no_harm(database: Database) -> None:
    async with served(database) as http:
        assert (await http.get(CALENDAR, params={"key": "anything"})).status_code == 200
