"""Sends reminders by e-mail beside the deliveries to webhook endpoints. Any number may run."""

import asyncio
import logging
from functools import partial
from typing import Final

from services.compliance.database import OwnConnection, cause, connect
from services.compliance.reminders import outbox
from services.compliance.reminders.mail_text import mail
from services.compliance.reminders.settings import MailSettings
from services.compliance.reminders.smtp import NotHandedIn, hand_in
from services.compliance.settings import ComplianceSettings
from services.web.database_connections import CONNECTION_LOST, terminating
from services.web.reconnect import Backoff, keep_connected

POLL_SECONDS: Final = 5.0

_log: Final = logging.getLogger(__name__)


class ReminderSender:
    """Makes reminders and sends them until cancelled. A lost connection or mail server ends nothing."""

    def __init__(self, settings: ComplianceSettings, mail_settings: MailSettings) -> None:
        """`settings`: as of a dispatcher. `mail_settings`: with a server."""
        self._settings = settings
        self._mail = mail_settings
        self._server = mail_settings.server

    async def run(self) -> None:
        """Runs until cancelled. A mail on its way is recorded before it ends."""
        await keep_connected(partial(self._session), self._failed)

    async def _session(self, backoff: Backoff) -> None:
        async with terminating(connect(self._settings)) as connection:
            while True:
                await self.round(connection)
                backoff.reset()
                await asyncio.sleep(POLL_SECONDS)

    async def round(self, connection: OwnConnection) -> None:
        """Makes every reminder there is, and sends every mail that is due."""
        await outbox.begin(connection)
        while await outbox.make_reminders(connection):
            pass
        while (leased := await outbox.lease_mail(connection)) is not None:
            sending = asyncio.ensure_future(self._send(connection, leased))
            try:
                await asyncio.shield(sending)
            except asyncio.CancelledError:
                await sending
                raise

    async def _send(self, connection: OwnConnection, leased: outbox.LeasedMail) -> None:
        sender, recipients = self._mail.sender or "", self._mail.recipients
        message = mail(leased.mail_id, leased.made_at, leased.reminders, sender, recipients)
        try:
            refused = await asyncio.to_thread(hand_in, self._server, message)
        except NotHandedIn as problem:
            given_up = await outbox.record_failed(connection, leased, str(problem))
            _log.warning("reminders %s: %s", "are given up" if given_up else "wait for the mail server", problem)
        else:
            await outbox.record_sent(connection, leased)
            if refused:
                _log.warning("the mail server does not accept %s: reminders go to the others", ", ".join(refused))

    def _failed(self, problem: Exception, _: Backoff) -> None:
        if isinstance(problem, CONNECTION_LOST):
            _log.warning("reminders wait for the database: %s", cause(problem))
        else:
            _log.error("reminders cannot be made and are tried again", exc_info=problem)
