"""Reminders by e-mail: each once, over restarts, two senders and a mail server that is away; tried on a real server."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any, Final, cast

import msgspec
import psycopg
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import ValidationError

from services.compliance.database import OwnConnection, connect
from services.compliance.read_model.event_log import LoggedEvent
from services.compliance.reminders import outbox, smtp
from services.compliance.reminders.mail_text import Reminder, sentence_of, subject_of
from services.compliance.reminders.mail_text import mail as mail_of
from services.compliance.reminders.sender import ReminderSender
from services.compliance.reminders.settings import MailSettings
from shared.events.compliance_events import TYPE_OF, ComplianceEventData, Name, Retraction, Standing, Window
from tests.compliance.log import as_dispatcher, set_clock
from tests.databases import Database
from tests.webhooks.calling import NOW, seed_events, settings_for

TOLD: Final = re.compile(r"^(\S+) (has to replace|may not sell)|^(\S+): \d+ p", re.MULTILINE)


class Mailbox:
    """Handles mails like a mail server. It keeps each mail, unless a test sets another answer.

    `came`: a mail is here. `answering`: it is answered, now or once this is set.
    """

    def __init__(self) -> None:
        self.came, self.answering = asyncio.Event(), asyncio.Event()
        self.answering.set()
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        self.unknown: set[str] = set()
        self.farewell = "221 bye"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        self.came.set()
        await self.answering.wait()
        if self.answers:
            return self.answers.pop(0)
        parsed = BytesParser(policy=default).parsebytes(cast(bytes, envelope.content))
        self.mails.append(parsed)
        return "250 taken"

    async def handle_RCPT(  # noqa: N802 - its name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802 - its name
        return self.farewell

    @property
    def lines(self) -> list[str]:
        """Every reminder in them."""
        bodies = [mail.get_content() for mail in self.mails]
        return [line for body in bodies for line in body.splitlines() if TOLD.search(line)]


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[Mailbox, MailSettings]]:
    """A mail server on a free port of loopback, and the settings to send by it."""
    mailbox = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(mailbox), "127.0.0.1", 0)
    async with server:
        yield mailbox, mail_settings(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")


def mail_settings(url: str | None, **more: Any) -> MailSettings:
    given = {"sender": "sagecert@sage.example", "recipients": ("partners@sage.example", "desk@sage.example"), **more}
    return MailSettings.model_validate({"url": url, **given})


@asynccontextmanager
async def connected(database: Database) -> AsyncIterator[OwnConnection]:
    connection = await connect(as_dispatcher(settings_for(database)))
    try:
        yield connection
    finally:
        await connection.close()


def owner(database: Database, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        done = connection.execute(statement, arguments)
        return done.fetchall() if done.description else []


async def rounds(database: Database, mail: MailSettings, senders: int = 1) -> None:
    """One round of so many senders at once, each a process that starts and ends."""

    async def one() -> None:
        async with connected(database) as connection:
            await ReminderSender(as_dispatcher(settings_for(database)), mail).round(connection)

    await asyncio.gather(*(one() for _ in range(senders)))


TO_TELL: Final = """
    SELECT count(*) FROM compliance.compliance_event e WHERE NOT EXISTS (
        SELECT FROM compliance.compliance_event r WHERE r.type = %s
            AND convert_from(r.data, 'UTF8')::jsonb->'retracts'->>'event_id' = e.event_id)
        AND (e.type = %s OR e.type = %s AND jsonb_path_exists(convert_from(e.data, 'UTF8')::jsonb,
            '$.standings[*] ? (@.status == "suspended")'))
"""
EVENTS: Final = tuple(TYPE_OF[name] for name in ("retracted", "replacement-window-closing", "selling-suspended"))


async def test_each_event_is_told_once_by_two_senders_and_over_restarts(sandbox_database: Database) -> None:
    database = sandbox_database
    async with mail_server() as (mailbox, mail):
        await rounds(database, mail)  # begins at the end of an empty log
        await seed_events(database, partners=8)
        ((expected,),) = owner(database, TO_TELL, *EVENTS)
        await rounds(database, mail, senders=2)
        await rounds(database, mail, senders=2)
    assert expected > 5
    told = [line for mail_ in mailbox.mails for line in mail_.get_content().splitlines() if TOLD.search(line)]
    assert len(told) == expected
    ((made, sent),) = owner(database, "SELECT count(*), count(mail_id) FROM webhooks.reminder")
    assert made == sent == expected
    assert len({mail_["Message-ID"] for mail_ in mailbox.mails}) == len(mailbox.mails)
    first = mailbox.mails[0]
    assert first["To"] == "partners@sage.example, desk@sage.example"
    assert first["Auto-Submitted"] == "auto-generated"


async def test_reminders_begin_with_what_comes(sandbox_database: Database) -> None:
    database = sandbox_database
    await seed_events(database, partners=8)
    async with mail_server() as (mailbox, mail):
        await rounds(database, mail)
    assert mailbox.mails == []


async def test_a_mail_that_is_not_taken_comes_again_as_the_same_mail(sandbox_database: Database) -> None:
    database = sandbox_database
    async with mail_server() as (mailbox, mail):
        mailbox.answers = ["451 later"]
        await rounds(database, mail)
        owner(database, ONE_REMINDER, "window", "P1", NOW.date())
        await rounds(database, mail)
        ((mail_id, error),) = owner(database, "SELECT mail_id, error FROM webhooks.reminder_mail")
        assert "451" in error
        await rounds(database, mail)
        assert mailbox.mails == [], "it waits"
        owner(database, "UPDATE webhooks.reminder_mail SET next_attempt_at = '-infinity'")
        owner(database, ONE_REMINDER, "window", "P2", NOW.date())
        await rounds(database, mail, senders=2)
    assert sorted(line.split()[0] for line in mailbox.lines) == ["P1", "P2"]
    assert f"<{mail_id}@sage.example>" in [mail_["Message-ID"] for mail_ in mailbox.mails]


ONE_REMINDER: Final = """
    INSERT INTO webhooks.reminder (reminder_id, kind, partner_id, product, due_on, days_left)
    SELECT md5(k || p), k, p, 'S200P', d, 7 FROM (VALUES (%s, %s, %s::date)) v (k, p, d)
"""


async def test_a_sender_that_is_stopped_records_the_mail_that_it_sends(sandbox_database: Database) -> None:
    database = sandbox_database
    async with mail_server() as (mailbox, mail):
        await rounds(database, mail)
        owner(database, ONE_REMINDER, "suspension", "P1", NOW.date())
        mailbox.answering.clear()
        running = asyncio.create_task(rounds(database, mail))
        await mailbox.came.wait()
        running.cancel()
        await asyncio.sleep(0)
        mailbox.answering.set()
        with suppress(asyncio.CancelledError):
            await running
        owner(database, "UPDATE webhooks.reminder_mail SET next_attempt_at = '-infinity'")
        await rounds(database, mail)
    assert len(mailbox.mails) == 1


async def test_a_mail_that_was_taken_is_not_sent_again_whatever_the_server_says_then(
    sandbox_database: Database,
) -> None:
    database = sandbox_database
    async with mail_server() as (mailbox, mail):
        mailbox.farewell = "421 too many mails"
        await rounds(database, mail)
        owner(database, ONE_REMINDER, "window", "P1", NOW.date())
        await rounds(database, mail)
        owner(database, "UPDATE webhooks.reminder_mail SET next_attempt_at = '-infinity'")
        await rounds(database, mail)
    assert len(mailbox.mails) == 1


async def test_a_recipient_that_is_refused_keeps_the_mail_from_nobody_else(
    sandbox_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database = sandbox_database
    async with mail_server() as (mailbox, mail):
        mailbox.unknown = {"desk@sage.example"}
        await rounds(database, mail)
        owner(database, ONE_REMINDER, "window", "P1", NOW.date())
        await rounds(database, mail)
        assert len(mailbox.mails) == 1
        assert "does not accept desk@sage.example" in caplog.text
        mailbox.unknown |= {"partners@sage.example"}
        owner(database, ONE_REMINDER, "window", "P2", NOW.date())
        await rounds(database, mail)
    assert len(mailbox.mails) == 1
    errors = owner(database, "SELECT error FROM webhooks.reminder_mail WHERE sent_at IS NULL")
    assert [error for (error,) in errors] == ["127.0.0.1 refuses every recipient, such as partners@sage.example"]


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def badly_answering(answer: Answering) -> AsyncIterator[MailSettings]:
    """A mail server that answers each connection so, and the settings to send by it."""
    ended: list[asyncio.Event] = []

    async def answer_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.Event())
        with suppress(ConnectionError):
            await answer(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended[-1].set()

    server = await asyncio.start_server(answer_and_close, "127.0.0.1", 0)
    async with server:
        yield mail_settings(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for end in ended:
            await end.wait()


ONE_MAIL: Final = mail_of("M1", NOW, [], "sagecert@sage.example", ["desk@sage.example"])


@pytest.mark.parametrize("said", [b"220-wait\r\n", b"", b"2"], ids=["talks without end", "silent", "half a word"])
async def test_a_server_that_keeps_a_sender_waiting_is_left(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "MAIL_SECONDS_MAX", 0.1)

    async def keep_waiting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = asyncio.ensure_future(reader.read())
        while not left.done():
            writer.write(said)
            await asyncio.sleep(0.01)
        await left

    async with badly_answering(keep_waiting) as mail:
        with pytest.raises(smtp.NotHandedIn):
            await asyncio.to_thread(smtp.hand_in, mail.server, ONE_MAIL)


async def test_a_server_that_is_not_there_leaves_no_deadline_behind() -> None:
    async with badly_answering(lambda *_: asyncio.sleep(0)) as mail:
        pass
    with pytest.raises(smtp.NotHandedIn):
        smtp.hand_in(mail.server, ONE_MAIL)
    assert not [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, threading.Timer) and not thread.finished.is_set()
    ]


@pytest.mark.parametrize("closes_at", ["EHLO", "MAIL", "RCPT", "DATA", "."])
async def test_a_server_that_breaks_off_in_the_middle_did_not_take_the_mail(closes_at: str) -> None:
    answers = {"EHLO": b"250 ok\r\n", "MAIL": b"250 ok\r\n", "RCPT": b"250 ok\r\n", "DATA": b"354 go on\r\n"}

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        async for line in reader:
            command = line.decode().partition(":")[0].partition(" ")[0].strip().upper()
            if command == closes_at:
                return
            writer.write(answers.get(command, b""))

    async with badly_answering(break_off) as mail:
        with pytest.raises(smtp.NotHandedIn, match=r"127\.0\.0\.1"):
            await asyncio.to_thread(smtp.hand_in, mail.server, ONE_MAIL)


DUTY: Final = """
    INSERT INTO compliance.maintenance_duty VALUES (
        %s, 'S200P', 'PC1', 'P1', %s, ARRAY['2022-01-01'::timestamptz], NULL)
"""
LINK: Final = """
    INSERT INTO compliance.consultant_link VALUES (
        'P1', %s, ARRAY['2021-01-01'::timestamptz], ARRAY['2021-01-01'::timestamptz])
"""


async def test_maintenance_is_told_seven_days_and_one_day_before(sandbox_database: Database) -> None:
    database, due_on = sandbox_database, date(2022, 6, 11)
    set_clock(database, NOW)
    for consultant_id in ("ada", "ben"):
        owner(database, DUTY, consultant_id, due_on)
        owner(database, LINK, consultant_id)
    told = []
    async with mail_server() as (mailbox, mail):
        for days in (0, 4, 5, 9, 10, 11):
            set_clock(database, NOW + timedelta(days=days))
            await rounds(database, mail)
            told.append(len(mailbox.lines))
    assert told == [0, 1, 1, 2, 2, 2]
    assert "2 people owe maintenance for S200P after PC1 by the end of 11 June 2022: 6 days left" in mailbox.lines[0]
    assert "1 day left" in mailbox.lines[1]


def logged(position: int, name: Name, **more: Any) -> LoggedEvent:
    """An event about P1 and S200P, as the log holds it."""
    status = more.pop("status", "suspended")
    standing = Standing("S200P", 1, (), 2, 1, status, False, True, (), ())
    data = msgspec.json.encode(ComplianceEventData("P1", ("S200P",), (standing,), **more))
    return LoggedEvent(position, f"e{position}", TYPE_OF[name], "P1", ("S200P",), NOW, NOW, 0, "", data)


def test_what_is_taken_back_or_over_is_not_told() -> None:
    window = Window(NOW, date(2022, 6, 8), NOW + timedelta(days=7), None, "open")
    events = [
        logged(1, "selling-suspended"),
        logged(2, "replacement-window-closing", window=window),
        logged(3, "retracted", retracts=Retraction("e1", TYPE_OF["selling-suspended"], NOW)),
        logged(4, "selling-suspended", status="compliant"),  # a late fact: it was suspended, and is not
        logged(5, "retracted", retracts=Retraction("e0", TYPE_OF["selling-suspended"], NOW)),
    ]
    made, retracted = outbox.reminders_of(events)
    assert [(one.reminder_id, one.kind, one.days_left) for one in made] == [("e2", "window", 7)]
    assert retracted == ["e1", "e0"]


async def test_what_is_taken_back_before_it_is_in_a_mail_is_not_told(sandbox_database: Database) -> None:
    database = sandbox_database
    async with mail_server() as (mailbox, mail), connected(database) as connection:
        await outbox.begin(connection)
        owner(database, ONE_REMINDER, "suspension", "P1", NOW.date())
        owner(database, ONE_REMINDER, "suspension", "P2", NOW.date())
        ((told,),) = owner(database, "SELECT reminder_id FROM webhooks.reminder WHERE partner_id = 'P1'")
        data = msgspec.json.encode(ComplianceEventData("P1", ("S200P",), (), retracts=Retraction(told, "", NOW)))
        owner(
            database,
            "INSERT INTO compliance.compliance_event (position, event_id, type, partner_id, products, effective_at,"
            " recorded_at, fact_position, about, data) VALUES (1, 'r', %s, 'P1', ARRAY['S200P'], %s, %s, 0, '', %s)",
            TYPE_OF["retracted"],
            *(NOW, NOW, data),
        )
        await rounds(database, mail)
    assert [line.split()[0] for line in mailbox.lines] == ["P2"]


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("http://mail.example", {}),
        ("smtp://", {}),
        ("smtps://user:hunter2secret@mail.example", {"recipients": ()}),
        ("smtps://user:hunter2secret@mail.example", {"sender": "nobody"}),
        ("smtps://user:hunter2secret@mail.example", {"recipients": ("a@b\r\nBcc: c@d",)}),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(url: str, more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        mail_settings(url, **more)
    assert "hunter2secret" not in str(refused.value)


def test_a_server_elsewhere_is_spoken_to_in_secret() -> None:
    assert mail_settings("smtp://mail.example").server.starttls
    assert mail_settings("smtps://a%40b:p%3Aw@mail.example").server == ("mail.example", 465, True, False, "a@b", "p:w")
    assert not mail_settings("smtp://localhost:2525").server.starttls
    assert MailSettings().url is None


def test_subjects_and_sentences() -> None:
    window = Reminder("1", "window", "harbour", "S200P", date(2026, 4, 1), 1)
    suspended = Reminder("2", "suspension", "harbour", "S200P", date(2026, 4, 2), 0)
    assert subject_of([window, suspended, window]).endswith(": 1 partner suspended, 2 windows close soon")
    assert sentence_of(window).endswith("by the end of 1 April 2026: 1 day left (R15).")
    assert datetime(2026, 4, 1, tzinfo=UTC).date() == window.due_on
