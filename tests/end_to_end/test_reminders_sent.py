"""Reminders of a whole system: from a fact to a mail, and what is said at the start when they cannot work."""

import asyncio
from functools import partial

import httpx
import psycopg

from tests.compliance.test_reminders import mail_server
from tests.databases import Database
from tests.end_to_end.test_command import refused
from tests.systems import WEBHOOKS, System, serving
from tests.webhooks.dispatching import until


async def test_a_window_that_closes_is_told_by_mail(sandbox_database: Database) -> None:
    async with mail_server() as (mailbox, mail):
        assert mail.url is not None
        settings = {
            "DATABASE_URL": sandbox_database.owner_url,
            "SAGECERT_MAIL_URL": mail.url.get_secret_value(),
            "SAGECERT_MAIL_SENDER": "sagecert@sage.example",
            "SAGECERT_MAIL_RECIPIENTS": '["partners@sage.example"]',
        }
        with serving(settings, "up", "--sandbox") as (_, url):
            await until(partial(begun, sandbox_database))
            await asyncio.to_thread(lose_a_consultant, url)

            async def told() -> bool:
                return bool(mailbox.lines)

            await until(told)
    assert mailbox.lines == [
        "harbour has to replace a consultant for S200P by the end of 1 April 2026: 7 days left (R15)."
    ]


async def begun(database: Database) -> bool:
    """Whether the sender mails about windows that open from now on. A reset of the sandbox does not change that."""
    with psycopg.connect(database.owner_url) as owner:
        return owner.execute("SELECT FROM webhooks.reminder_progress").fetchone() is not None


def lose_a_consultant(url: str) -> None:
    """Harbour has two, loses one, and six days are left."""
    with httpx.Client(base_url=url, timeout=60) as http:
        system = System(url, http, {})
        system.reset("2026-03-01T09:00:00Z")
        enrolment = {"partner_id": "harbour", "kind": "VAR", "programme": "PARTNER_SUCCESS"}
        system.record("partners", "k1", **enrolment)
        for number, person in enumerate(("ada", "ben")):
            system.record("partners/harbour/consultants", f"link-{number}", consultant_id=person)
            system.record("recognised-certifications", f"known-{number}", consultant_id=person, product="S200P")
        system.set_clock("2026-03-02T10:00:00Z")
        system.record("partners/harbour/departures", "left", consultant_id="ben")
        system.set_clock("2026-03-26T10:00:00Z")


def test_settings_that_cannot_work_are_refused_at_the_start(sandbox_database: Database) -> None:
    settings = {**WEBHOOKS, "DATABASE_URL": sandbox_database.owner_url, "SAGECERT_MAIL_URL": "smtp://a:hunter2@b"}
    said = refused("up", "--sandbox", "--port", "0", **settings)
    assert "SAGECERT_MAIL_SENDER" in said
    assert "hunter2" not in said
